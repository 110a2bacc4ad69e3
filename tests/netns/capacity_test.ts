import { strict as assert } from "node:assert";
import type { StatusView } from "../../src/control/admin.ts";
import { type Call, Kamailio } from "./kamailio.ts";
import { nft } from "./kernel.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

/** Calls on each of two media instances; one pair of addresses and ports would not hold them all. */
const CALLS_EACH = 10_000;
const CALLS = 2 * CALLS_EACH;
/** All sessions are back so soon after the process has started. */
const BACK_MS = 2000;
/** A deleted table is relaying again within so long. */
const MEND_MS = 1000;

const INI = {
  kernel: { start_port: 10000, end_port: 60000, max_sessions: 25_000 },
  "instance second": { control_port: 8081, internal_ip: "10.10.1.2", external_ip: "192.0.2.2" },
  logger: { log_level: "info" },
};

/** The n-th call of an instance, whose addresses end in 1 or 2. */
function call(instance: 1 | 2, n: number): Call {
  return {
    id: `capacity-${instance}-${n}@test`,
    src: `10.10.1.10:${10000 + 4 * n}`,
    snat: `10.10.1.${instance}:${10002 + 4 * n}`,
    dst: `192.0.2.${instance}:${10000 + 4 * n}`,
    dnat: `192.0.2.20:${10000 + 4 * n}`,
  };
}

function calls(instance: 1 | 2): readonly Call[] {
  return Array.from({ length: CALLS_EACH }, (_, n) => call(instance, n));
}

function total({ sessions }: StatusView): number {
  return sessions.active + sessions.unheard + sessions.stale;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await action();
  return performance.now() - begun;
}

Deno.test("20,000 sessions", async (test) => {
  await using world = await openWorld({
    ini: INI,
    prepare: ({ relay }) => {
      relay.ip("address", "add", "10.10.1.2/24", "dev", "inside");
      relay.ip("address", "add", "192.0.2.2/24", "dev", "outside");
    },
  });
  const second = world.use(new Kamailio(world.relay, { port: 8081 }));
  const openMs = await timed(async () => {
    await Promise.all([world.kamailio.openAll(calls(1)), second.openAll(calls(2))]);
  });
  console.log(`opened in ${openMs.toFixed(0)} ms`);
  assert.equal(total(await world.status()), CALLS);
  // The youngest call is the last that anybody looks at.
  const youngest = call(2, CALLS_EACH - 1);
  const port = Number(youngest.src.split(":")[1]);
  const conversation = await converse(world.caller(port), world.callee(port), youngest);
  await untilLocked(world, youngest.id);

  await test.step("are all back within 2 s of a start after SIGKILL", async () => {
    await world.daemon.kill("SIGKILL");
    const backMs = await timed(() => untilAllBack(world));
    console.log(`back in ${backMs.toFixed(0)} ms`);
    await untilTwoWay(conversation);
    await expectRightAnswers(world, second);
    assert(backMs <= BACK_MS, `${backMs} ms`);
  });

  await test.step("are relayed again within a second after the table was deleted", async () => {
    const mendMs = await timed(async () => {
      await nft(world.relay, "delete table ip lrkproxy");
      await untilTwoWay(conversation, 20_000);
    });
    const { rssBytes } = await world.status();
    console.log(`relaying in ${mendMs.toFixed(0)} ms, RSS ${(rssBytes / 1e6).toFixed(0)} MB`);
    assert.equal(total(await world.status()), CALLS);
    assert(mendMs <= MEND_MS, `${mendMs} ms`);
  });
});

/** Start the daemon and ask `lrkproxy status` until all sessions are in its answer. */
async function untilAllBack({ daemon }: World): Promise<void> {
  daemon.spawn();
  await until("all sessions are back", async () => {
    const { code, out } = await daemon.cli("status", "--json");
    return code === 0 && total((JSON.parse(out) as { status: StatusView }).status) === CALLS;
  }, 20_000);
}

async function expectRightAnswers({ kamailio }: World, second: Kamailio): Promise<void> {
  for (const [instance, worker] of [[1, kamailio], [2, second]] as const) {
    const { currentPort } = await worker.config();
    assert(currentPort >= 10000 + 4 * CALLS_EACH, `current_port is ${currentPort}`);
    await worker.open(call(instance, 0));
    const fresh = call(instance, CALLS_EACH);
    await worker.open(fresh);
    await worker.close(fresh);
  }
}
