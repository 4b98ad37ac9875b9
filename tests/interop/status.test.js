// GET /eth/v1/builder/status

import assert from "node:assert/strict";
import {after, before, describe, test} from "node:test";
import {ForkName} from "@lodestar/params";
import {THROUGH_HEADSTART, WORLDS, World} from "./support/world.js";

for (const kind of WORLDS) {
  describe(`status, ${kind}`, () => {
    let world;
    before(async () => (world = await World.start(kind, ForkName.fulu)));
    after(async () => world?.stop());

    test("is 200", async () => {
      const answer = await world.client().status();
      assert.equal(answer.status, 200);
      answer.assertOk();
    });
  });
}

test("status is 200 while every relay is gone", async () => {
  const world = await World.start(THROUGH_HEADSTART, ForkName.fulu);
  try {
    await Promise.all(world.relays.map((relay) => relay.stop()));
    const answer = await world.client().status();
    assert.equal(answer.status, 200);
  } finally {
    await world.stop();
  }
});
