// Keys of the test's relays and validators, made from their names; worth nothing.

import {createHash} from "node:crypto";
import {SecretKey, PublicKey, Signature, verify} from "@chainsafe/blst";

export class Key {
  constructor(name) {
    this.secret = SecretKey.fromKeygen(createHash("sha256").update(`headstart interop ${name}`).digest());
    this.pubkey = this.secret.toPublicKey().toBytes();
  }

  get pubkeyHex() {
    return hex(this.pubkey);
  }

  sign(root) {
    return this.secret.sign(root).toBytes();
  }
}

export function signatureHolds(root, pubkey, signature) {
  return verify(root, PublicKey.fromBytes(pubkey, true), Signature.fromBytes(signature, true));
}

export function hex(bytes) {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}
