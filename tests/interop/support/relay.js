// A relay whose every byte is read and written by Lodestar's builder server. It offers the bids it was given, unblinds
// only blocks that accept one of them with a good signature, and keeps what it saw for the test to look at.

import fastify from "fastify";
import {getRoutes} from "@lodestar/api/builder/server";
import {hex, signatureHolds} from "./keys.js";
import {signBid} from "./proposal.js";

const BODY_BYTES_MAX = 16 * 1024 * 1024;

export class Relay {
  registrations = [];
  blocks = [];
  requests = [];
  #offers = new Map();
  #server;

  /** `speaks`: "ssz and json", or "json" for a relay that knows no SSZ; `submits`: the versions of its submit route. */
  constructor(network, key, {speaks = "ssz and json", submits = [1, 2]} = {}) {
    Object.assign(this, {network, key, speaks, submits});
  }

  async start() {
    const server = fastify({bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true});
    if (this.speaks === "json") {
      server.addHook("onRequest", async (request) => {
        if (request.headers.accept) request.headers.accept = "application/json";
      });
    } else {
      server.addContentTypeParser("application/octet-stream", {parseAs: "buffer"}, async (_, body) => body);
    }
    server.addHook("onRequest", async ({method, url, headers}) => void this.requests.push({method, url, headers}));
    server.setErrorHandler((error, _, reply) => {
      const code = error.statusCode ?? 500;
      return reply.code(code).send({code, message: error.message});
    });
    for (const [operation, route] of Object.entries(getRoutes(this.network.config, this.#methods()))) {
      if (this.#has(operation)) server.route(route);
    }
    this.#server = server;
    this.origin = await server.listen({host: "127.0.0.1", port: 0});
    return this;
  }

  /** As an operator writes it: the relay's key is the user part. */
  get url() {
    return this.origin.replace("://", `://${this.key.pubkeyHex}@`);
  }

  async stop() {
    await this.#server.close();
  }

  /** Offers a proposal from now on; returns the signed bid. */
  offer(proposal) {
    const signedBid = signBid(this.network, proposal.bid, this.key);
    this.#offers.set(offerKey(proposal.key), {signedBid, contents: proposal.contents, proposer: proposal.key.proposer});
    return signedBid;
  }

  requestsTo(path) {
    return this.requests.filter(({url}) => url.startsWith(path));
  }

  #has(operation) {
    if (operation === "submitBlindedBlock") return this.submits.includes(1);
    if (operation === "submitBlindedBlockV2") return this.submits.includes(2);
    return ["status", "registerValidator", "getHeader"].includes(operation);
  }

  #methods() {
    const meta = {version: this.network.fork};
    return {
      status: async () => ({}),
      registerValidator: async ({registrations}) => void this.registrations.push(...registrations),
      getHeader: async ({slot, parentHash, proposerPubkey}) => {
        const offer = this.#offers.get(offerKey({slot, parentHash, proposer: proposerPubkey}));
        return offer ? {data: offer.signedBid, meta} : {status: 204};
      },
      submitBlindedBlock: async ({signedBlindedBlock}) => ({data: this.#unblind(signedBlindedBlock.data), meta}),
      submitBlindedBlockV2: async ({signedBlindedBlock}) => {
        this.#unblind(signedBlindedBlock.data);
        return {status: 202};
      },
    };
  }

  #unblind(signedBlock) {
    const {message, signature} = signedBlock;
    const header = message.body.executionPayloadHeader;
    const headerType = this.network.types.ExecutionPayloadHeader;
    const offer = [...this.#offers.values()].find(({signedBid}) => headerType.equals(signedBid.message.header, header));
    if (!offer) throw refusal("no bid of ours has this header");
    if (!signatureHolds(this.network.proposerSigningRoot(message), offer.proposer, signature)) {
      throw refusal("the proposer's signature does not hold");
    }
    this.blocks.push(signedBlock);
    return offer.contents;
  }
}

function refusal(message) {
  return Object.assign(new Error(message), {statusCode: 400});
}

function offerKey({slot, parentHash, proposer}) {
  return `${slot}/${hex(parentHash)}/${hex(proposer)}`;
}
