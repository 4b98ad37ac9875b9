// The real `headstart` process: its configuration, its start, its address, its end.

import {spawn} from "node:child_process";
import {mkdtemp, rm, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import path from "node:path";
import {fileURLToPath} from "node:url";
import {hex} from "./keys.js";
import {eventually, within} from "./wait.js";

const DEFAULT_BINARY = fileURLToPath(new URL("../../../target/debug/headstart", import.meta.url));
const BINARY = process.env.HEADSTART_BIN ?? DEFAULT_BINARY;
const START_PATIENCE_MS = 20_000;
const STOP_PATIENCE_MS = 15_000;

export class Headstart {
  /** Starts the process for one cluster of `validators` that trusts all of `relays`; it is ready when this returns. */
  static async start({network, relays, validators}) {
    const folder = await mkdtemp(path.join(tmpdir(), "headstart-interop-"));
    const file = path.join(folder, "headstart.toml");
    await writeFile(file, configuration({network, relays, validators}));
    const headstart = new Headstart(folder, file);
    try {
      headstart.origin = `http://${await headstart.#address()}`;
    } catch (error) {
      await headstart.stop().catch(() => {});
      throw error;
    }
    return headstart;
  }

  constructor(folder, file) {
    this.folder = folder;
    this.log = "";
    this.process = spawn(BINARY, ["serve", "--config", file], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {...process.env, NO_COLOR: "1"},
    });
    this.exit = new Promise((resolve) => {
      this.process.on("error", (error) => resolve(`it could not be started: ${error.message}`));
      this.process.on("close", (code, signal) => resolve(signal ?? code));
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.log += text));
    }
  }

  /** Asks the process to end, and returns its exit status: 0 is a clean end. */
  async stop() {
    this.process.kill("SIGTERM");
    try {
      return await within("headstart ends", STOP_PATIENCE_MS, this.exit);
    } catch (error) {
      this.process.kill("SIGKILL");
      throw error;
    } finally {
      await rm(this.folder, {recursive: true, force: true});
    }
  }

  /** The bound address, from the line that says what is bound; port 0 was asked for. */
  async #address() {
    let ended;
    this.exit.then((status) => (ended = status));
    return eventually("headstart says where it listens", () => {
      const line = this.log.split("\n").find((line) => line.includes("builder_api listening"));
      const address = line?.match(/127\.0\.0\.1:\d+/);
      if (address) return address[0];
      if (ended !== undefined) throw new Error(`headstart ended (${ended}) before it listened:\n${this.log}`);
    }, START_PATIENCE_MS);
  }
}

function configuration({network, relays, validators}) {
  return `
[network]
name = "custom"
genesis_time = ${network.genesisTime}
slot_duration_ms = ${network.slotMs}
genesis_fork_version = "${hex(network.genesisForkVersion)}"
genesis_validators_root = "${hex(network.genesisValidatorsRoot)}"
[[network.forks]]
name = "${network.fork}"
epoch = 0
version = "${hex(network.forkVersion)}"

[builder_api]
listen = "127.0.0.1:0"

[cluster_api]
listen = "127.0.0.1:0"

[admin]
listen = "127.0.0.1:0"
${relays.map(relayTable).join("")}
[[clusters]]
name = "interop"
relays = [${relays.map((_, i) => `"relay-${i}"`).join(", ")}]
validators = [${validators.map(({pubkeyHex}) => `"${pubkeyHex}"`).join(", ")}]
min_bid_eth = "0"
`;
}

function relayTable(relay, i) {
  return `
[[relays]]
name = "relay-${i}"
url = "${relay.url}"
policy = "mev-boost-relay"
`;
}
