// Validator registrations, signed as a validator client signs them.

import {randomBytes} from "node:crypto";
import {ssz} from "@lodestar/types";

export const RegistrationType = ssz.bellatrix.SignedValidatorRegistrationV1;

export function signRegistration(network, proposer, {gasLimit = 36_000_000} = {}) {
  const message = {
    feeRecipient: Uint8Array.from(randomBytes(20)),
    gasLimit,
    timestamp: Math.floor(Date.now() / 1000),
    pubkey: proposer.pubkey,
  };
  const root = network.builderSigningRoot(ssz.bellatrix.ValidatorRegistrationV1, message);
  return {message, signature: proposer.sign(root)};
}
