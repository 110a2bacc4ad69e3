import type { Namespace } from "../../src/netns/namespaces.ts";
import { until } from "../netns/until.ts";

/** The Kamailios that tests/acceptance/roots.sh has. */
export const VERSIONS = ["6.0", "5.6"] as const;
export type Version = typeof VERSIONS[number];

const SUITES = { "6.0": "trixie", "5.6": "bookworm" } as const satisfies Record<Version, string>;
const CONFIGURATION = ["kamailio.cfg", "lrkproxy.cfg"];

/** What of the shipped configuration an operator would change. */
export interface KamailioSetup {
  /** Values for `-A`. */
  readonly defines?: readonly string[];
  /** Changes the text of each file. */
  readonly edit?: (text: string) => string;
}

/** A real Kamailio with the shipped configuration, in a namespace and in its Debian's root. */
export class RealKamailio implements AsyncDisposable {
  /** What it has logged. */
  log = "";
  readonly folder = Deno.makeTempDirSync({ prefix: "lrk-kamailio-" });
  readonly #place: Namespace;
  readonly #version: Version;
  readonly #defines: readonly string[];
  #process: Deno.ChildProcess | null = null;
  #logged: Promise<void> = Promise.resolve();

  /** It runs with the shipped configuration, changed as the setup says. */
  constructor(place: Namespace, version: Version, { defines = [], edit }: KamailioSetup = {}) {
    this.#place = place;
    this.#version = version;
    this.#defines = defines;
    for (const name of CONFIGURATION) {
      const text = Deno.readTextFileSync(new URL(`../acceptance/${name}`, import.meta.url));
      Deno.writeTextFileSync(`${this.folder}/${name}`, edit ? edit(text) : text);
    }
  }

  /** Start it and wait until it listens. */
  async start(): Promise<void> {
    const cache = Deno.env.get("LRK_CACHE") ?? "/var/cache/lrkproxy-tests";
    const root = `${cache}/kamailio-${SUITES[this.#version]}`;
    const script =
      'mount --bind "$1" "$2/mnt" && root=$2 && shift 2 && exec chroot "$root" kamailio -DD -E "$@"';
    const command = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--propagation", "private", "sh", "-c", script, "sh", this.folder, root],
        ...[
          "-m",
          "64",
          "-M",
          "8",
          "-f",
          "/mnt/kamailio.cfg",
          "-P",
          "/mnt/kamailio.pid",
          "-Y",
          "/mnt",
        ],
        ...this.#defines.flatMap((define) => ["-A", define]),
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const process = this.#place.run(() => command.spawn());
    this.#process = process;
    this.#logged = this.#collect(process.stderr);
    await until("Kamailio listens on both sides", () => {
      const sockets = this.#place.command("ss", "-Hlun", "sport = :5060").trim();
      return new Set(sockets.split("\n").map((line) => line.split(/\s+/)[3])).size >= 2;
    }, 15_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
  }

  /** Throws if a worker of it has crashed. */
  assertIsWell(): void {
    if (/exited by a signal|core was|BUG: qm_|Segmentation/.test(this.log)) {
      throw new Error(this.log);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const process = this.#process;
    if (process) {
      process.kill("SIGTERM");
      await process.status;
      await this.#logged;
    }
    await Deno.remove(this.folder, { recursive: true });
  }

  async #collect(stderr: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) this.log += text;
  }
}
