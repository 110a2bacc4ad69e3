import type { Namespace } from "../../src/netns/namespaces.ts";
import { within } from "./until.ts";

/** What one side knows of one stream of one call; see `tests/tools/rtp_track.h`. */
export interface StreamReport {
  readonly sent: number;
  readonly sendErrors: number;
  readonly unique: number;
  readonly duplicate: number;
  readonly reordered: number;
  readonly wrongSource: number;
  readonly foreign: number;
  readonly malformed: number;
  /** Packets that were sent after hang-up and yet arrived. */
  readonly probes: number;
}

/** What one side knows of one call. */
export interface CallReport {
  readonly call: string;
  readonly rtp: StreamReport;
  readonly rtcp: StreamReport;
}

const TOOLS = new URL("../tools", import.meta.url).pathname;
const PROGRAM = new URL("../../dist/tools/rtp_peer", import.meta.url).pathname;

/**
 * One side of hundreds of calls in a process of its own (`tests/tools/rtp_peer.c`), which goes on
 * whatever the test is busy with: 50 RTP packets a second and call, and two RTCP ones; fewer on request.
 */
export class RtpPeer implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "lrk-peer-" });
  readonly #commands = `${this.#folder}/commands`;
  readonly #report = `${this.#folder}/report`;
  readonly #process: Deno.ChildProcess;
  #over = false;

  constructor(place: Namespace, side: "caller" | "callee", intervalMs = 20) {
    const { success, stderr } = new Deno.Command("make", { args: ["-s", "-C", TOOLS, "rtp_peer"] })
      .outputSync();
    if (!success) throw new Error(`Cannot build rtp_peer: ${new TextDecoder().decode(stderr)}`);
    Deno.writeTextFileSync(this.#commands, "");
    const command = new Deno.Command(PROGRAM, {
      args: [side, this.#commands, this.#report, `${intervalMs}`],
      stdin: "null",
    });
    this.#process = place.run(() => command.spawn());
  }

  /** Tell it lines such as `start CALL-ID 10.10.1.1 20002`. */
  tell(lines: readonly string[]): void {
    Deno.writeTextFileSync(this.#commands, lines.map((line) => `${line}\n`).join(""), {
      append: true,
    });
  }

  /** End it; the answer has a report for every call. */
  async finish(): Promise<ReadonlyMap<string, CallReport>> {
    await this.#end("SIGTERM");
    const lines = Deno.readTextFileSync(this.#report).trimEnd().split("\n");
    const reports = lines.map((line) => JSON.parse(line) as CallReport);
    return new Map(reports.filter(({ call }) => call).map((report) => [report.call, report]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.#end("SIGKILL");
    Deno.removeSync(this.#folder, { recursive: true });
  }

  async #end(signal: Deno.Signal): Promise<void> {
    this.#process.kill(signal);
    await within("rtp_peer ends", this.#process.status, 45_000);
    this.#over = true;
  }
}
