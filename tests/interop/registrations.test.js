// POST /eth/v1/builder/validators

import assert from "node:assert/strict";
import {after, before, describe, test} from "node:test";
import {ForkName} from "@lodestar/params";
import {signatureHolds} from "./support/keys.js";
import {RegistrationType, signRegistration} from "./support/registrations.js";
import {eventually} from "./support/wait.js";
import {THROUGH_HEADSTART, WORLDS, World} from "./support/world.js";

for (const kind of WORLDS) {
  describe(`registerValidator, ${kind}`, () => {
    let world;
    before(async () => (world = await World.start(kind, ForkName.fulu)));
    after(async () => world?.stop());

    for (const format of ["json", "ssz"]) {
      test(`sent as ${format} reaches every relay unchanged`, async () => {
        const registrations = Array.from({length: 3}, () => signRegistration(world.network, world.proposer()));
        const answer = await world.client().registerValidator({registrations}, {requestWireFormat: format});
        assert.equal(answer.status, 200);
        for (const relay of world.relays) await assertReceived(relay, registrations);
      });
    }
  });
}

describe("registerValidator, through headstart only", () => {
  test("reaches a relay that knows no SSZ as JSON", async () => {
    const world = await World.start(THROUGH_HEADSTART, ForkName.fulu, {relays: [{speaks: "json"}]});
    try {
      const registrations = [signRegistration(world.network, world.proposer())];
      const answer = await world.client().registerValidator({registrations}, {requestWireFormat: "ssz"});
      assert.equal(answer.status, 200);
      await assertReceived(world.relays[0], registrations);
    } finally {
      await world.stop();
    }
  });

  test("is refused with 400 and reaches no relay when its signature does not hold", async () => {
    const world = await World.start(THROUGH_HEADSTART, ForkName.fulu);
    try {
      const [forged, good] = [0, 1].map(() => signRegistration(world.network, world.proposer()));
      forged.signature = good.signature;
      const answer = await world.client().registerValidator({registrations: [forged]});
      assert.equal(answer.status, 400);
      assert.equal(JSON.parse(await answer.errorBody()).code, 400);
      await world.client().registerValidator({registrations: [good]});
      for (const relay of world.relays) {
        await assertReceived(relay, [good]);
        assert.equal(relay.registrations.length, 1);
      }
    } finally {
      await world.stop();
    }
  });
});

async function assertReceived(relay, registrations) {
  for (const sent of registrations) {
    const received = await eventually("the relay receives the registration", () =>
      relay.registrations.find((registration) => RegistrationType.equals(registration, sent))
    );
    const type = RegistrationType.fields.message;
    const root = relay.network.builderSigningRoot(type, received.message);
    assert.ok(signatureHolds(root, received.message.pubkey, received.signature));
  }
}
