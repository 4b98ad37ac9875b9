// A network of our own with short slots, on which one fork has been active since genesis, so that the slots of this
// very moment belong to the fork under test. Lodestar's chain config and headstart's [network] are made from the same values.

import {randomBytes} from "node:crypto";
import {createBeaconConfig} from "@lodestar/config";
import {mainnetChainConfig} from "@lodestar/config/networks";
import {DOMAIN_APPLICATION_BUILDER, DOMAIN_BEACON_PROPOSER, ForkName} from "@lodestar/params";
import {ssz, sszTypesFor} from "@lodestar/types";
import {sleepUntil} from "./wait.js";

export const FORKS = [ForkName.capella, ForkName.deneb, ForkName.electra, ForkName.fulu];

const SLOT_MS = 4000;
/** A slot is fit for a whole proposal while no more than this has passed of it: headers are served until 2 s into it. */
const FIT_UNTIL_MS = 1200;
const SLOTS_SINCE_GENESIS = 1000;
const FORKS_SINCE_GENESIS = [ForkName.altair, ForkName.bellatrix, ...FORKS];

export class Network {
  constructor(fork) {
    this.fork = fork;
    this.types = sszTypesFor(fork);
    this.slotMs = SLOT_MS;
    this.genesisTime = Math.floor(Date.now() / 1000) - (SLOTS_SINCE_GENESIS * SLOT_MS) / 1000;
    this.genesisForkVersion = Uint8Array.of(0x10, 0, 0x09, 0x99);
    this.genesisValidatorsRoot = Uint8Array.from(randomBytes(32));
    this.config = createBeaconConfig(chainConfig(this), this.genesisValidatorsRoot);
  }

  get forkVersion() {
    return this.config.forks[this.fork].version;
  }

  slotStartMs(slot) {
    return this.genesisTime * 1000 + slot * this.slotMs;
  }

  payloadTimestamp(slot) {
    return Math.floor(this.slotStartMs(slot) / 1000);
  }

  /** The slot of this moment, or of the next one if this one is too far gone to be proposed in. */
  async freshSlot() {
    const slot = Math.floor((Date.now() - this.slotStartMs(0)) / this.slotMs);
    if (Date.now() - this.slotStartMs(slot) <= FIT_UNTIL_MS) return slot;
    await sleepUntil(this.slotStartMs(slot + 1));
    return slot + 1;
  }

  /** For bids and registrations: the genesis fork version, and no validators root. */
  builderSigningRoot(type, object) {
    const domain = computeDomain(DOMAIN_APPLICATION_BUILDER, this.genesisForkVersion, new Uint8Array(32));
    return signingRoot(type.hashTreeRoot(object), domain);
  }

  /** For blocks: the fork version of the block's epoch, and the real validators root, as Lodestar computes it. */
  proposerSigningRoot(block) {
    const domain = this.config.getDomain(block.slot, DOMAIN_BEACON_PROPOSER);
    return signingRoot(this.types.BlindedBeaconBlock.hashTreeRoot(block), domain);
  }
}

function chainConfig({fork, genesisForkVersion, genesisTime}) {
  const overrides = {
    CONFIG_NAME: "interop",
    MIN_GENESIS_TIME: genesisTime,
    SECONDS_PER_SLOT: SLOT_MS / 1000,
    SLOT_DURATION_MS: SLOT_MS,
    GENESIS_FORK_VERSION: genesisForkVersion,
    BLOB_SCHEDULE: [],
  };
  const active = FORKS_SINCE_GENESIS.slice(0, FORKS_SINCE_GENESIS.indexOf(fork) + 1);
  [...FORKS_SINCE_GENESIS, ForkName.gloas].forEach((name, i) => {
    overrides[`${name.toUpperCase()}_FORK_EPOCH`] = active.includes(name) ? 0 : Infinity;
    overrides[`${name.toUpperCase()}_FORK_VERSION`] = Uint8Array.of(0x20 + 0x10 * i, 0, 0x09, 0x99);
  });
  return {...mainnetChainConfig, ...overrides};
}

function computeDomain(domainType, currentVersion, genesisValidatorsRoot) {
  const forkDataRoot = ssz.phase0.ForkData.hashTreeRoot({currentVersion, genesisValidatorsRoot});
  return Uint8Array.from([...domainType, ...forkDataRoot.slice(0, 28)]);
}

function signingRoot(objectRoot, domain) {
  return ssz.phase0.SigningData.hashTreeRoot({objectRoot, domain});
}
