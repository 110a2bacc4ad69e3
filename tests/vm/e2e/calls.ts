import { strict as assert } from "node:assert";
import { writeSmallFile } from "../../../src/base/libc.ts";
import {
  type AdminRequest,
  type AdminResponse,
  askDaemon,
  type PathRequest,
  type PathsView,
  type PathView,
  type StatusView,
} from "../../../src/control/admin.ts";
import { Crowd, type CrowdTotal } from "../../netns/crowd.ts";
import { lrkproxy } from "../../netns/daemon.ts";
import { type Call, numberedCall } from "../../netns/kamailio.ts";
import { readTable, runIn } from "../../netns/kernel.ts";
import { until } from "../../netns/until.ts";
import { openWorld, type World } from "../../netns/world.ts";

/*
 * The built daemon with calls that talk all the time, in a machine whose module may come and go.
 * Without KVM a machine is slow, so packets are fewer and deadlines longer than elsewhere.
 */

/** How many calls. */
export const SESSIONS = Number(Deno.env.get("LRK_E2E_SESSIONS") ?? 200);
/** How often they change their way, there and back counting as one. */
export const SWITCHES = Number(Deno.env.get("LRK_E2E_SWITCHES") ?? 10);
/** Between two RTP packets of a stream. */
const INTERVAL_MS = Number(Deno.env.get("LRK_E2E_INTERVAL_MS") ?? 200);

const MODULE = "/lrkproxy/machine/lrkproxy.ko";
const PARAMETER = "/sys/module/lrkproxy/parameters/max_flows";
const DEFAULT_MAX_FLOWS = 400_000;
const PATIENCE_MS = 20_000;
const CALLS: readonly Call[] = Array.from({ length: SESSIONS }, (_, n) => numberedCall(n));
/** Each call has RTP and RTCP both ways. */
export const FLOWS = 4 * SESSIONS;

/** Calls that talk; everything that they send is accounted for by {@link hangUp}. */
export class Calls implements AsyncDisposable {
  readonly world: World;
  readonly #crowd: Crowd;

  private constructor(world: World) {
    this.world = world;
    const table = () => readTable(world.relay);
    this.#crowd = world.use(
      new Crowd({ ...world, table }, {
        calls: CALLS,
        intervalMs: INTERVAL_MS,
        patienceMs: PATIENCE_MS,
        carried: () => packetsSent(world),
      }),
    );
  }

  /** Load the module, start the daemon with `[kernel] mode`, and open all calls; they talk. */
  static async begin(mode: PathsView["mode"]): Promise<Calls> {
    await loadModule();
    // The first start unpacks the program, which takes longer than a daemon has.
    await lrkproxy("--version");
    const world = await openWorld({
      ini: { kernel: { mode }, logger: { ["log_level"]: "info" } },
    });
    const calls = new Calls(world);
    await calls.#crowd.establish();
    return calls;
  }

  /** Ask the daemon over its admin socket. */
  async ask(request: AdminRequest): Promise<Extract<AdminResponse, { schema: number }>> {
    return await askDaemon(this.world.daemon.adminSocket, request);
  }

  /** `lrkproxy path all …`. */
  async send(path: PathRequest["path"]): Promise<PathView> {
    const response = await this.ask({ command: "path", path });
    if (!("path" in response)) throw new Error(JSON.stringify(response));
    return response.path;
  }

  /** `lrkproxy status`. */
  async status(): Promise<StatusView> {
    const response = await this.ask({ command: "status" });
    if (!("status" in response)) throw new Error(JSON.stringify(response));
    return response.status;
  }

  /** Wait until the daemon's paths are as they should be. */
  async untilPaths(what: string, isSo: (paths: PathsView) => boolean): Promise<PathsView> {
    return await until(what, async () => {
      const { paths } = await this.status();
      return isSo(paths) && paths;
    }, PATIENCE_MS);
  }

  /** Wait until so many packets more a stream have been relayed. */
  async talk(packets: number): Promise<void> {
    await this.#crowd.untilTraffic(packets * 2 * SESSIONS);
  }

  /** End all calls; what they have sent and what of it has arrived. */
  async hangUp(): Promise<CrowdTotal> {
    const total = await this.#crowd.hangUp();
    console.log(`${total.sent} packets sent, ${total.lost} lost, 0 doubled, 0 in the wrong order`);
    return total;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

/** Load the module, unless it is loaded. */
export async function loadModule(): Promise<void> {
  if (await isLoaded()) return;
  await run("insmod", MODULE);
}

/** Unload the module. */
export async function unloadModule(): Promise<void> {
  // While somebody has the device open the module is in use, which is for moments.
  await until("the module is unloaded", async () => {
    await run("rmmod", "lrkproxy").catch(() => {});
    return !await isLoaded();
  }, PATIENCE_MS);
}

/** Let the module take so many flows; disposing of the answer takes that back. */
export function limitFlows(flows: number): Disposable {
  writeSmallFile(PARAMETER, `${flows}`);
  return { [Symbol.dispose]: () => writeSmallFile(PARAMETER, `${DEFAULT_MAX_FLOWS}`) };
}

async function isLoaded(): Promise<boolean> {
  return (await Deno.readTextFile("/proc/modules")).includes("lrkproxy ");
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  assert(success, `${program}: ${new TextDecoder().decode(stderr)}`);
}

/** What has left the relay on both sides, whoever relayed it. */
async function packetsSent({ relay }: World): Promise<number> {
  const lines = (await runIn(relay, "cat", "/proc/net/dev")).split("\n");
  return lines.map((line) => line.trim().split(/[:\s]+/))
    .filter(([name]) => name === "inside" || name === "outside")
    .reduce((sum, fields) => sum + Number(fields[10]), 0);
}
