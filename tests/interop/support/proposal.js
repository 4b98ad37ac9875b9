// What a builder builds and a proposer signs: payload, bid, blinded block. Everything is made with Lodestar's types;
// hashes, commitments and proofs are random bytes, for nobody on the way executes a payload or opens a commitment.

import {randomBytes} from "node:crypto";
import {ForkName, ForkSeq} from "@lodestar/params";
import {ssz} from "@lodestar/types";

const BLOBS = 2;
const BLOB_BYTES = 131_072;
const CELLS_PER_EXT_BLOB = 128;

/**
 * One builder's work for one auction.
 * @returns {{key: object, bid: object, contents: object}} `contents` is what unblinds the bid: a payload (Capella), or
 * payload and blobs bundle.
 */
export function buildProposal(network, {slot, parentHash, proposer, value}) {
  const {fork, types} = network;
  const payload = executionPayload(network, slot, parentHash);
  const blobsBundle = makeBlobsBundle(fork);
  const bid = types.BuilderBid.defaultValue();
  Object.assign(bid, {header: headerOf(payload), value});
  if (ForkSeq[fork] >= ForkSeq.deneb) bid.blobKzgCommitments = blobsBundle.commitments;
  if (ForkSeq[fork] >= ForkSeq.electra) bid.executionRequests = executionRequests();
  const contents = fork === ForkName.capella ? payload : {executionPayload: payload, blobsBundle};
  return {key: {slot, parentHash, proposer: proposer.pubkey}, bid, contents};
}

export function signBid(network, bid, relayKey) {
  const message = {...bid, pubkey: relayKey.pubkey};
  return {message, signature: relayKey.sign(network.builderSigningRoot(network.types.BuilderBid, message))};
}

/** The block that accepts `bid`, signed by its proposer. */
export function signBlindedBlock(network, bid, slot, proposer) {
  const message = network.types.BlindedBeaconBlock.defaultValue();
  Object.assign(message, {slot, proposerIndex: 424_242, parentRoot: random(32), stateRoot: random(32)});
  Object.assign(message.body, {
    randaoReveal: proposer.sign(random(32)),
    graffiti: random(32),
    executionPayloadHeader: bid.header,
  });
  message.body.syncAggregate.syncCommitteeSignature = proposer.sign(random(32));
  if (bid.blobKzgCommitments) message.body.blobKzgCommitments = bid.blobKzgCommitments;
  if (bid.executionRequests) message.body.executionRequests = bid.executionRequests;
  return {message, signature: proposer.sign(network.proposerSigningRoot(message))};
}

/** The type that answers a v1 submission in this fork. */
export function contentsType(network) {
  return network.fork === ForkName.capella
    ? network.types.ExecutionPayload
    : network.types.ExecutionPayloadAndBlobsBundle;
}

function executionPayload(network, slot, parentHash) {
  const payload = network.types.ExecutionPayload.defaultValue();
  Object.assign(payload, {
    parentHash,
    feeRecipient: random(20),
    stateRoot: random(32),
    receiptsRoot: random(32),
    logsBloom: random(256),
    prevRandao: random(32),
    blockNumber: 1_000_000 + slot,
    gasLimit: 36_000_000,
    gasUsed: 21_000_000,
    timestamp: network.payloadTimestamp(slot),
    extraData: Uint8Array.from(Buffer.from("interop")),
    baseFeePerGas: 1_234_567_890n,
    blockHash: random(32),
    transactions: [random(110), random(2048)],
    withdrawals: [{index: 7, validatorIndex: 8, address: random(20), amount: 9n}],
  });
  if (payload.blobGasUsed !== undefined) Object.assign(payload, {blobGasUsed: 131_072n * 2n, excessBlobGas: 3n});
  return payload;
}

function headerOf({transactions, withdrawals, ...common}) {
  return {
    ...common,
    transactionsRoot: ssz.bellatrix.Transactions.hashTreeRoot(transactions),
    withdrawalsRoot: ssz.capella.Withdrawals.hashTreeRoot(withdrawals),
  };
}

function makeBlobsBundle(fork) {
  const proofs = fork === ForkName.fulu ? BLOBS * CELLS_PER_EXT_BLOB : BLOBS;
  return {commitments: many(BLOBS, 48), proofs: many(proofs, 48), blobs: many(BLOBS, BLOB_BYTES)};
}

function executionRequests() {
  const deposit = {
    pubkey: random(48),
    withdrawalCredentials: random(32),
    amount: 32_000_000_000,
    signature: random(96),
    index: 11n,
  };
  const withdrawal = {sourceAddress: random(20), validatorPubkey: random(48), amount: 5n};
  return {deposits: [deposit], withdrawals: [withdrawal], consolidations: []};
}

function many(count, bytes) {
  return Array.from({length: count}, () => random(bytes));
}

function random(bytes) {
  return Uint8Array.from(randomBytes(bytes));
}
