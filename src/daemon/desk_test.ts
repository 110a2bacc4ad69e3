import assert from "node:assert/strict";
import { config, RELOAD } from "../../tests/golden/views.ts";
import { numberedCall, opening, World } from "../../tests/support/world.ts";
import { keeperOf } from "../../tests/support/paths.ts";
import { readLink } from "../base/procfs.ts";
import { VERSION } from "../base/version.ts";
import type { Logger } from "../base/log.ts";
import { err, ok, type Result } from "../base/result.ts";
import type {
  AdminRequest,
  AdminResponse,
  PathRequest,
  ReloadView,
  SessionView,
} from "../control/admin.ts";
import { Inbox } from "../control/inbox.ts";
import { NetlinkMeter } from "../nft/netlink_meter.ts";
import { Desk } from "./desk.ts";
import { Drain } from "./drain.ts";
import { RelayEngine } from "./engine.ts";
import { Journal } from "./journal.ts";
import type { Reload } from "./reload.ts";
import { settingsOf } from "./settings.ts";

const SILENCE: Logger = { debug() {}, info() {}, warn() {}, error() {} };

interface Office {
  readonly world: World;
  readonly desk: Desk;
  readonly stops: () => number;
}

async function open(calls: number, maxSessions = config().maxSessions): Promise<Office> {
  const world = await new World({ maxSessions }).start();
  world.handle(...Array.from({ length: calls }, (_, n) => opening(numberedCall(n))));
  const { relay, upkeep, sources, paths: backend, clock } = world;
  const journal = new Journal(SILENCE, { clock, config });
  for (const event of world.takeEvents()) journal.record(event);
  const engine = new RelayEngine(relay, upkeep, (name) => {
    return config().instances.find((instance) => instance.name === name);
  });
  const inbox = new Inbox(engine, () => {});
  const netlink = new NetlinkMeter();
  const current = { settings: settingsOf(config(), []) };
  const drain = new Drain(clock, () => world.table.size);
  const own = { config: config(), current, log: SILENCE, clock, netlink };
  const parts = { ...own, backend, journal, relay, drain, paths: keeperOf(world) };
  let stops = 0;
  const state = { interfaces: [], sysctls: { a: "1" }, warnings: ["too hot"] };
  const machine = { state, waysOf: () => [] };
  const reload = (): ReturnType<Reload> => Promise.resolve(results.shift() ?? ok(RELOAD));
  const results: Result<ReloadView>[] = [err("x.ini:1: unknown section [x]")];
  const desk = new Desk({ ...parts, sources, upkeep, engine, inbox }, {
    notServed: () => [],
    machine,
    stop: () => stops++,
    reload,
  });
  return { world, desk, stops: () => stops };
}

/** An answer as it is after its way over the socket. */
async function ask(desk: Desk, request: AdminRequest): Promise<AdminResponse> {
  const answer = await desk.answer(request);
  if (!(Symbol.asyncIterator in answer)) return JSON.parse(JSON.stringify(answer));
  let text = "";
  for await (const piece of answer) text += piece;
  return JSON.parse(text);
}

async function sessions(desk: Desk): Promise<readonly SessionView[]> {
  const response = await ask(desk, { command: "sessions" });
  assert.ok("sessions" in response);
  return response.sessions;
}

Deno.test("Desk says how the daemon is", async () => {
  const { world, desk } = await open(3);
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.advance(30);
  const response = await ask(desk, { command: "status" });
  assert.ok("status" in response);
  const { status } = response;
  assert.equal(response.schema, 1);
  assert.deepEqual([status.version, status.pid, status.path], [VERSION, Deno.pid, "fake"]);
  assert.equal(status.uptimeSeconds, 30);
  assert.deepEqual(status.sessions, { unheard: 2, active: 1, stale: 0, unread: 0 });
  assert.deepEqual(status.oneWay, { caller: 1, callee: 0, of: 1 });
  assert.deepEqual([status.sysctls, status.warnings], [{ a: "1" }, ["too hot"]]);
  assert.equal(status.relay["opened"], 3);
  assert.equal(status.control["open"], 0);
  assert.deepEqual(status.instances[0], {
    name: "default",
    control: ["udp:0.0.0.0:8080", "unix:/run/lrkproxy/control.sock"],
    internal: "10.10.1.1",
    external: "198.51.100.7 (192.0.2.1)",
    ports: "20000-29999",
    portsInUse: 12,
    nextPort: 20400,
    calls: 3,
    room: 2500,
  });
});

Deno.test("Desk warns when the data path has less room than the configuration says", async () => {
  const { desk } = await open(0, 20);
  const response = await ask(desk, { command: "status" });
  assert.ok("status" in response);
  assert.match(response.status.warnings.join("\n"), /room for 20 sessions/);
});

Deno.test("Desk lists sessions with their latest counts, however many", async () => {
  for (const calls of [0, 1, 199, 200, 201, 450]) {
    const { world, desk } = await open(calls);
    world.send("10.10.1.10:6000", "10.10.1.1:20002");
    const views = await sessions(desk);
    assert.deepEqual(
      views.map(({ callId }) => callId),
      Array.from({ length: calls }, (_, n) => `call-${n}`),
    );
    if (calls > 0) assert.equal(views[0]?.caller.rtp.packets, 1);
  }
});

Deno.test("Desk leaves out sessions that end while it lists", async () => {
  const { world, desk } = await open(450);
  const answer = await desk.answer({ command: "sessions" });
  assert.ok(Symbol.asyncIterator in answer);
  let text = "";
  for await (const piece of answer) {
    if (text === "") world.relay.end(world.table.withCallId("call-449"), "dropped");
    // The whole second part is gone before its turn.
    const second = Array.from({ length: 200 }, (_, n) => world.table.withCallId(`call-${n + 200}`));
    if (text.includes("call-199")) world.relay.end(second.flat(), "dropped");
    text += piece;
  }
  const { sessions } = JSON.parse(text) as { sessions: readonly SessionView[] };
  assert.ok(sessions.length >= 249 && sessions.length <= 449, `${sessions.length}`);
  assert.ok(!sessions.some(({ callId }) => callId === "call-449"));
});

Deno.test("Desk shows every dialog of a Call-ID, and who was refused", async () => {
  const { world, desk } = await open(1);
  world.handle(opening({ ...numberedCall(5), callId: "call-0" }));
  world.send("203.0.113.9:7000", "192.0.2.1:20000");
  const response = await ask(desk, { command: "show", callId: "call-0" });
  assert.ok("reports" in response);
  assert.deepEqual(response.reports.map(({ session }) => session.callee.relay), [
    "192.0.2.1:20000",
    "192.0.2.1:20020",
  ]);
  assert.deepEqual(response.reports.map(({ strangers }) => strangers.length), [1, 0]);
  const unknown = await ask(desk, { command: "show", callId: "unknown" });
  const namespace = readLink("/proc/self/ns/net");
  assert.deepEqual(unknown, { schema: 1, reports: [], drain: null, namespace });
});

Deno.test("Desk warns of many one-way calls, and does not while ports are not learned", async () => {
  const { world, desk } = await open(4);
  for (const n of [0, 1, 2, 3]) world.send("10.10.1.10:6000", `10.10.1.1:${20002 + 4 * n}`);
  world.advance(31);
  const response = await ask(desk, { command: "status" });
  assert.ok("status" in response);
  const { oneWay, warnings, remedies } = response.status;
  assert.deepEqual(oneWay, { caller: 4, callee: 0, of: 4 });
  assert.match(warnings[1] ?? "", /^4 of 4 calls have RTP of the caller only/);
  assert.match(remedies[1]?.join("\n") ?? "", /lrkproxy show CALL-ID/);
  assert.equal(warnings.length, remedies.length);
});

Deno.test("Desk repeats to a call what the machine lacks for it", async () => {
  const { desk } = await open(1);
  const response = await ask(desk, { command: "show", callId: "call-0" });
  assert.ok("reports" in response);
  assert.match(response.reports[0]?.findings[0] ?? "", /^This machine: too hot\. Cure: /);
});

Deno.test("Desk looks again at a count that has grown some time in the last minutes", async () => {
  const { world, desk } = await open(1);
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.send("192.0.2.20:7000", "192.0.2.1:20000");
  for (let n = 0; n < 60; n++) {
    world.send("10.10.1.10:6000", "10.10.1.1:20002");
    world.advance(5);
  }
  const show = ask(desk, { command: "show", callId: "call-0" });
  world.clock.advance(500);
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  const response = await show;
  assert.ok("reports" in response);
  const [report] = response.reports;
  assert.match(report?.findings.join("\n") ?? "", /callee is silent now: .* \d+ to \d+ s ago/);
  const { caller, callee } = report?.session ?? {};
  assert.ok((caller?.rtp.ageAtMostSeconds ?? Infinity) <= 20, "the caller speaks");
  assert.ok((callee?.rtp.ageAtMostSeconds ?? 0) > 20, "the callee does not");
});

Deno.test("Desk drops a call at once", async () => {
  const { world, desk } = await open(2);
  const drop = { command: "drop", callId: "call-0" } as const;
  assert.deepEqual(await ask(desk, drop), { schema: 1, dropped: 1 });
  assert.equal(world.send("10.10.1.10:6000", "10.10.1.1:20002"), null);
  assert.deepEqual(await ask(desk, drop), { schema: 1, dropped: 0 });
  assert.equal(world.table.size, 1);
  assert.deepEqual(world.takeEvents().map((event) => "reason" in event && event.reason), [
    "dropped",
  ]);
});

Deno.test("Desk stops the daemon, and ends calls only when told so", async () => {
  for (const drop of [false, true]) {
    const { desk, stops, world } = await open(1);
    assert.deepEqual([desk.dropsCalls, stops()], [false, 0]);
    assert.deepEqual(await ask(desk, { command: "stop", drop }), { schema: 1, stopping: true });
    assert.deepEqual([desk.dropsCalls, stops()], [drop, 1]);
    assert.equal(world.table.size, 1, "the daemon ends the calls on its way out");
  }
});

Deno.test("Desk says what a reload has changed, or why it was refused", async () => {
  const { desk } = await open(0);
  assert.deepEqual(await ask(desk, { command: "reload" }), {
    schema: 1,
    error: "the configuration stays as it was\nx.ini:1: unknown section [x]",
  });
  assert.deepEqual(await ask(desk, { command: "reload" }), {
    schema: 1,
    reload: RELOAD,
  });
});

Deno.test("Desk drains, says so everywhere, and takes calls again", async () => {
  const { desk, world } = await open(2);
  const times = { timeoutSeconds: 60, ringSeconds: 0 };
  const draining = { seconds: 0, callsLeft: 2, stopsInSeconds: 60 };
  assert.deepEqual(await ask(desk, { command: "drain", off: false, ...times }), {
    schema: 1,
    drain: draining,
  });
  world.clock.advance(20_000);
  const later = { seconds: 20, callsLeft: 2, stopsInSeconds: 40 };
  const status = await ask(desk, { command: "status" });
  assert.deepEqual("status" in status && status.status.drain, later);
  const shown = await ask(desk, { command: "show", callId: "call-0" });
  assert.deepEqual("reports" in shown && shown.drain, later);
  assert.deepEqual(await ask(desk, { command: "drain", off: true }), { schema: 1, drain: null });
});

Deno.test("Desk refuses to drain for a time that is none", async () => {
  const { desk } = await open(0);
  for (const timeoutSeconds of [-1, NaN, "x", undefined]) {
    const request = { command: "drain", off: false, timeoutSeconds, ringSeconds: 0 };
    const response = await ask(desk, request as unknown as AdminRequest);
    assert.deepEqual(response, {
      schema: 1,
      error: "Cannot drain: times are seconds, 0 or more",
    });
  }
});

Deno.test("Desk tells a newer command line its version when it asks for what is unknown", async () => {
  const { desk } = await open(0);
  const response = await ask(desk, { command: "novelty" } as unknown as AdminRequest);
  assert.deepEqual(response, {
    schema: 1,
    error: `Unknown command: the daemon is lrkproxy ${VERSION}`,
  });
});

Deno.test("Desk sends calls a way by hand, and shows it", async () => {
  const { world, desk } = await open(1);
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.advance(1);
  world.module.reload(true);
  const { callId } = world.only().session;
  const path = async (request: Omit<PathRequest, "path">, to: PathRequest["path"]) => {
    return await ask(desk, { command: "path", path: to, ...request });
  };
  const schema = 1;
  assert.deepEqual(await path({ callId }, "kmod"), {
    ...{ schema, path: { sessions: 1, kmod: 1, obstacle: null } },
  });
  const [session] = await sessions(desk);
  assert.equal(session?.path, "kmod");
  assert.match(
    session?.pathReason ?? "",
    /^the caller's RTCP, the callee's RTP, .*: not heard yet$/,
  );
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.module.lost = 2;
  const shown = await ask(desk, { command: "show", callId });
  assert.ok("reports" in shown);
  assert.deepEqual(shown.reports[0]?.loss, [{ party: "caller", sent: 3, lost: 2 }]);
  assert.deepEqual(await path({ callId: "other" }, "kmod"), {
    ...{ schema, path: { sessions: 0, kmod: 0, obstacle: null } },
  });
  assert.deepEqual(await path({}, "nft"), {
    ...{ schema, path: { sessions: 1, kmod: 0, obstacle: null } },
  });
  const status = await ask(desk, { command: "status" });
  assert.ok("status" in status);
  assert.deepEqual(status.status.paths.byHand, ["all sessions: nft"]);
  assert.ok("error" in await path({ instance: "nowhere" }, "nft"));
  assert.ok("error" in await path({}, "fast" as "nft"));
});
