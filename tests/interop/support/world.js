// One small world for each fork: a network, relays, validators, and a beacon node's Builder client.
//
// The same tests run in two worlds. In the first, Lodestar's client talks to Lodestar's server alone: what fails there
// is not headstart's fault. In the second, headstart stands between them.

import {randomBytes} from "node:crypto";
import {getClient} from "@lodestar/api/builder";
import {Headstart} from "./headstart.js";
import {Key} from "./keys.js";
import {Network} from "./network.js";
import {buildProposal} from "./proposal.js";
import {Relay} from "./relay.js";

export const THROUGH_HEADSTART = "through headstart";
export const LODESTAR_ALONE = "Lodestar alone";
export const WORLDS = [LODESTAR_ALONE, THROUGH_HEADSTART];

/** What a Lodestar beacon node waits at most for a header. */
const CLIENT_TIMEOUT_MS = 1250;
const VALIDATORS = 32;
const BEST_WEI = 45_123_456_789_012_345n;
const SECOND_BEST_WEI = BEST_WEI - 1n;
const TWO_RELAYS = [{}, {}];

export class World {
  #nextProposer = 0;
  #nextBest = 0;

  /** `relays`: the options of each relay (see Relay); Lodestar alone has only the first. */
  static async start(kind, fork, {relays = TWO_RELAYS} = {}) {
    const world = new World();
    world.network = new Network(fork);
    world.validators = Array.from({length: VALIDATORS}, (_, i) => new Key(`validator ${i}`));
    world.relays = await Promise.all(
      (kind === LODESTAR_ALONE ? relays.slice(0, 1) : relays).map((options, i) => new Relay(world.network, new Key(`relay ${i}`), options).start())
    );
    try {
      if (kind === THROUGH_HEADSTART) world.headstart = await Headstart.start(world);
    } catch (error) {
      await world.stop();
      throw error;
    }
    world.origin = world.headstart?.origin ?? world.relays[0].origin;
    return world;
  }

  /** Ends everything; returns headstart's exit status, if there was one. */
  async stop() {
    const status = await this.headstart?.stop();
    await Promise.all(this.relays.map((relay) => relay.stop()));
    if (status) throw new Error(`headstart ended with ${status}:\n${this.headstart.log}`);
  }

  /** A new beacon node's client; `responses`: the format that it prefers for answers. */
  client(responses = "ssz") {
    const globalInit = {timeoutMs: CLIENT_TIMEOUT_MS, responseWireFormat: responses};
    return getClient({baseUrl: this.origin, globalInit}, {config: this.network.config});
  }

  /** A validator of the cluster that no test has used yet: one proposer signs one block in a slot. */
  proposer() {
    return this.validators[this.#nextProposer++];
  }

  /** An auction that can be held now: its slot has just begun. */
  async auction(proposer = this.proposer()) {
    return {slot: await this.network.freshSlot(), parentHash: Uint8Array.from(randomBytes(32)), proposer};
  }

  /** Every relay offers a proposal of its own, each time another one the best; returns that, with its signed bid. */
  offerFromAll(auction) {
    const best = this.#nextBest++ % this.relays.length;
    const offers = this.relays.map((relay, i) => {
      const proposal = buildProposal(this.network, {...auction, value: i === best ? BEST_WEI : SECOND_BEST_WEI});
      return {relay, ...proposal, signedBid: relay.offer(proposal)};
    });
    return offers[best];
  }
}

/** The arguments of Lodestar's getHeader for an auction. */
export function headerArgs({slot, parentHash, proposer}) {
  return {slot, parentHash, proposerPubkey: proposer.pubkey};
}
