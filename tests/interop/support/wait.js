// Waiting with patience: for an event with a deadline, or for a moment of the network's clock.

import {setTimeout as delay} from "node:timers/promises";

const POLL_MS = 5;

/** Calls `probe` until it returns something truthy, and returns that; after `patienceMs` it fails with `what`. */
export async function eventually(what, probe, patienceMs = 5000) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs} ms in vain: ${what}`);
    await delay(POLL_MS);
  }
}

/** `promise`, or a failure with `what` after `patienceMs`. */
export async function within(what, patienceMs, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patienceMs} ms in vain: ${what}`)), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export async function sleepUntil(unixMs) {
  await delay(Math.max(0, unixMs - Date.now()));
}
