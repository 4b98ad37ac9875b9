// POST /eth/v1/builder/blinded_blocks and /eth/v2/builder/blinded_blocks

import assert from "node:assert/strict";
import {after, before, describe, test} from "node:test";
import {ForkName} from "@lodestar/params";
import {FORKS} from "./support/network.js";
import {buildProposal, contentsType, signBlindedBlock} from "./support/proposal.js";
import {THROUGH_HEADSTART, WORLDS, World, headerArgs} from "./support/world.js";

for (const kind of WORLDS) {
  for (const fork of FORKS) {
    describe(`submitBlindedBlock, ${fork}, ${kind}`, () => {
      let world;
      before(async () => (world = await World.start(kind, fork)));
      after(async () => world?.stop());

      for (const request of ["json", "ssz"]) {
        for (const response of ["json", "ssz"]) {
          test(`v1 sent as ${request} is answered with the payload in ${response}`, async () => {
            const {block, offer} = await acceptBestBid(world);
            const answer = await submitV1(world, block, request, response);
            assert.equal(answer.status, 200, answer.ok ? "" : await answer.errorBody());
            assert.equal(answer.wireFormat(), response);
            assert.equal(answer.headers.get("eth-consensus-version"), fork);
            assertSame(contentsType(world.network), answer.value(), offer.contents);
            assertReceived(offer.relay, block);
          });
        }

        test(`v2 sent as ${request} is answered with 202 and nothing else`, async () => {
          const {block, offer} = await acceptBestBid(world);
          const answer = await submitV2(world, block, request);
          assert.equal(answer.status, 202, answer.ok ? "" : await answer.errorBody());
          assert.equal((await answer.arrayBuffer()).byteLength, 0);
          assertReceived(offer.relay, block);
        });
      }
    });
  }
}

describe("submitBlindedBlock, through headstart only", () => {
  let world;
  before(async () => (world = await World.start(THROUGH_HEADSTART, ForkName.fulu)));
  after(async () => world?.stop());

  test("sent by every operator reaches the relay once, and every operator gets the payload", async () => {
    const {block, offer} = await acceptBestBid(world);
    const formats = ["ssz", "json", "ssz", "json", "ssz"];
    const answers = await Promise.all(formats.map((format) => submitV1(world, block, format, format)));
    answers.push(await submitV1(world, block, "ssz", "json"));
    for (const answer of answers) assertSame(contentsType(world.network), answer.value(), offer.contents);
    assert.equal(received(offer.relay, block).length, 1);
  });

  test("of a header that no relay offered is refused in words", async () => {
    const auction = await world.auction();
    const {bid} = buildProposal(world.network, {...auction, value: 1n});
    const block = signBlindedBlock(world.network, bid, auction.slot, auction.proposer);
    const answer = await submitV2(world, block, "ssz");
    assert.ok(!answer.ok);
    assert.equal(JSON.parse(await answer.errorBody()).code, answer.status);
  });

  test("of a second block for the same slot and proposer is refused with 400", async () => {
    const {block, auction, offer} = await acceptBestBid(world);
    const second = signBlindedBlock(world.network, offer.bid, auction.slot, auction.proposer);
    assert.equal((await submitV2(world, block, "ssz")).status, 202);
    assert.equal((await submitV2(world, second, "ssz")).status, 400);
    assert.equal(received(offer.relay, second).length, 0);
  });
});

for (const [what, options] of [
  ["has no v2", {submits: [1]}],
  ["knows no SSZ", {speaks: "json"}],
  ["has no v2 and knows no SSZ", {submits: [1], speaks: "json"}],
]) {
  test(`submitBlindedBlockV2 is 202 through a relay that ${what}`, async () => {
    const world = await World.start(THROUGH_HEADSTART, ForkName.fulu, {relays: [options]});
    try {
      const {block, offer} = await acceptBestBid(world);
      const answer = await submitV2(world, block, "ssz");
      assert.equal(answer.status, 202, answer.ok ? "" : await answer.errorBody());
      assertReceived(offer.relay, block);
    } finally {
      await world.stop();
    }
  });
}

/** A fresh auction whose best bid was fetched as a beacon node does, and the block that accepts it. */
async function acceptBestBid(world) {
  const auction = await world.auction();
  const offer = world.offerFromAll(auction);
  const answer = await world.client().getHeader(headerArgs(auction));
  const bid = answer.value()?.message;
  assert.ok(bid, `no bid was served (${answer.status})`);
  return {auction, offer, block: signBlindedBlock(world.network, bid, auction.slot, auction.proposer)};
}

function submitV1(world, block, request, response) {
  return world
    .client(response)
    .submitBlindedBlock({signedBlindedBlock: {data: block}}, {requestWireFormat: request, timeoutMs: 4000});
}

function submitV2(world, block, request) {
  const init = {requestWireFormat: request, timeoutMs: 4000};
  return world.client().submitBlindedBlockV2({signedBlindedBlock: {data: block}}, init);
}

function received(relay, block) {
  const type = relay.network.types.SignedBlindedBeaconBlock;
  return relay.blocks.filter((other) => type.equals(other, block));
}

/** The relay, which has checked the proposer's signature, got this very block. */
function assertReceived(relay, block) {
  assert.equal(received(relay, block).length, 1);
}

function assertSame(type, served, offered) {
  assert.ok(Buffer.from(type.serialize(served)).equals(Buffer.from(type.serialize(offered))));
}
