// GET /eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}

import assert from "node:assert/strict";
import {after, before, describe, test} from "node:test";
import {ForkName} from "@lodestar/params";
import {Key, hex, signatureHolds} from "./support/keys.js";
import {FORKS} from "./support/network.js";
import {THROUGH_HEADSTART, WORLDS, World, headerArgs} from "./support/world.js";

const CONTENT_TYPES = {json: "application/json", ssz: "application/octet-stream"};

for (const kind of WORLDS) {
  for (const fork of FORKS) {
    describe(`getHeader, ${fork}, ${kind}`, () => {
      let world;
      before(async () => (world = await World.start(kind, fork)));
      after(async () => world?.stop());

      for (const format of ["json", "ssz"]) {
        test(`in ${format} is the best relay's bid, byte for byte`, async () => {
          const auction = await world.auction();
          const {signedBid} = world.offerFromAll(auction);
          const answer = await world.client(format).getHeader(headerArgs(auction));
          assert.equal(answer.status, 200, answer.ok ? "" : await answer.errorBody());
          assert.equal(answer.wireFormat(), format);
          assert.equal(answer.headers.get("eth-consensus-version"), fork);
          assert.equal(answer.meta().version, fork);
          if (kind === THROUGH_HEADSTART) assert.equal(answer.headers.get("content-type"), CONTENT_TYPES[format]);
          assertSameBid(world.network, answer.value(), signedBid);
        });
      }

      test("is 204 and no value when no relay has a bid", async () => {
        const auction = await world.auction();
        const answer = await world.client().getHeader(headerArgs(auction));
        assert.equal(answer.status, 204);
        assert.equal(answer.value(), undefined);
        for (const relay of world.relays) assert.ok(asked(relay, auction).length > 0);
      });
    });
  }
}

describe("getHeader, through headstart only", () => {
  let world;
  before(async () => (world = await World.start(THROUGH_HEADSTART, ForkName.fulu)));
  after(async () => world?.stop());

  test("is 204 for a validator of no cluster, and no relay hears of it", async () => {
    const auction = await world.auction(new Key("nobody's validator"));
    world.offerFromAll(auction);
    const answer = await world.client().getHeader(headerArgs(auction));
    assert.equal(answer.status, 204);
    for (const relay of world.relays) assert.equal(asked(relay, auction).length, 0);
  });

  test("is the same bid for every beacon node of the cluster", async () => {
    const auction = await world.auction();
    const {signedBid} = world.offerFromAll(auction);
    const formats = ["ssz", "json", "ssz", "json"];
    const answers = await Promise.all(formats.map((format) => world.client(format).getHeader(headerArgs(auction))));
    for (const answer of answers) assertSameBid(world.network, answer.value(), signedBid);
  });

  test("asks relays with the time, the patience and a name of our own", async () => {
    const auction = await world.auction();
    world.offerFromAll(auction);
    await world.client().getHeader(headerArgs(auction));
    const sentAfterMs = world.network.slotStartMs(auction.slot) - 4000;
    for (const relay of world.relays) {
      const [request] = asked(relay, auction);
      assert.match(request.headers["user-agent"], /headstart/i);
      assert.ok(Number(request.headers["date-milliseconds"]) > sentAfterMs, request.headers["date-milliseconds"]);
      assert.ok(Number(request.headers["x-timeout-ms"]) > 0, request.headers["x-timeout-ms"]);
    }
  });
});

test("getHeader is answered from a relay that knows no SSZ", async () => {
  const world = await World.start(THROUGH_HEADSTART, ForkName.electra, {relays: [{speaks: "json"}]});
  try {
    const auction = await world.auction();
    const {signedBid} = world.offerFromAll(auction);
    const answer = await world.client("ssz").getHeader(headerArgs(auction));
    assert.equal(answer.wireFormat(), "ssz");
    assertSameBid(world.network, answer.value(), signedBid);
  } finally {
    await world.stop();
  }
});

/** The header requests of this auction that the relay has seen. */
function asked(relay, {slot, parentHash, proposer}) {
  return relay.requestsTo(`/eth/v1/builder/header/${slot}/${hex(parentHash)}/${proposer.pubkeyHex}`);
}

function assertSameBid(network, served, offered) {
  const {SignedBuilderBid, BuilderBid} = network.types;
  assert.equal(served.message.value, offered.message.value);
  assert.deepEqual(SignedBuilderBid.serialize(served), SignedBuilderBid.serialize(offered));
  const root = network.builderSigningRoot(BuilderBid, served.message);
  assert.ok(signatureHolds(root, served.message.pubkey, served.signature));
}
