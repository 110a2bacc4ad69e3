import { strict as assert } from "node:assert";
import type { Namespace } from "../../src/netns/namespaces.ts";
import { CALL, numberedCall } from "./kamailio.ts";
import { nft } from "./kernel.ts";
import { packet } from "./media.ts";
import { ask, connectTo, fallen, type Page, scrape, type WebTarget } from "./scrape.ts";
import { until } from "./until.ts";
import { openWorld, type World, type WorldOptions } from "./world.ts";

const PORT = 9477;

/** The daemon looks at each session every 250 ms, and listens on {@link PORT}. */
const INI = {
  session: { timeout: 1, unheard_limit: 30, live_window: 1 },
  metrics: { listen: `127.0.0.1:${PORT}` },
};

/** A world with {@link INI} in which some sections are others. */
async function open(ini: WorldOptions["ini"] = {}): Promise<{ world: World; tcp: WebTarget }> {
  const world = await openWorld({ ini: { ...INI, ...ini } });
  return { world, tcp: { place: world.relay, port: PORT } };
}

/** The values with these names; 0 for those that the page does not have. */
function values(page: Page, ...names: readonly string[]): readonly number[] {
  return names.map((name) => page.get(name) ?? NaN);
}

/** Send RTP from caller to callee, and some back, and wait until all has arrived. */
async function talk(world: World): Promise<void> {
  const [caller, callee] = [world.caller(6000), world.callee(7000)];
  const marks = Array.from({ length: 50 }, (_, sequence) => ({ sequence, ssrc: 50 }));
  for (const mark of marks) caller.rtp.send(packet("rtp", mark), CALL.snat);
  for (const mark of marks.slice(0, 30)) callee.rtp.send(packet("rtp", mark), CALL.dst);
  for (const mark of marks.slice(0, 4)) caller.rtcp.send(packet("rtcp", mark), "10.10.1.1:20003");
  await until("all packets are relayed", () => {
    const arrived = [callee.rtp, caller.rtp, callee.rtcp].map(({ heard }) => heard.length);
    return String(arrived) === "50,30,4";
  });
}

const MEDIA = [
  'media_packets_total{result="relayed"}',
  'media_packets_total{result="held"}',
  'media_packets_total{result="refused"}',
  'media_bytes_total{result="relayed"}',
] as const;

/** What {@link talk} sends; IP and UDP headers are 28 bytes: RTP has 200 in all, RTCP 56. */
const TALK = [84, 0, 0, 80 * 200 + 4 * 56];

Deno.test("metrics agree with what was sent, and no counter ever falls", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  await world.kamailio.ping();
  await world.kamailio.config();
  await world.kamailio.open(CALL);
  await talk(world);
  await untilLearned(world);
  const seen = await until("the call is known to be active", async () => {
    const page = await scrape(tcp);
    return page.get('sessions{state="active",path="nft"}') === 1 && page;
  });
  assert.deepEqual(values(seen, ...MEDIA), TALK);
  assert.deepEqual(
    values(
      seen,
      'ports_in_use{media_instance="default"}',
      'ports_free{media_instance="default"}',
      "sources_learned_total",
    ),
    [4, 9997, 3],
  );
  await world.kamailio.close(CALL);
  const after = await scrape(tcp);
  assert.deepEqual(values(after, ...MEDIA), TALK);
  assert.deepEqual(fallen(seen, after), []);
  assert.deepEqual(
    values(
      after,
      'sessions{state="active",path="nft"}',
      'sessions_ended_total{reason="command"}',
      'sessions_heard_total{heard="both"}',
    ),
    [0, 1, 1],
  );
});

Deno.test("metrics of media go on over a restart, and begin anew with a new table", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  await world.kamailio.open(CALL);
  await talk(world);
  await world.daemon.kill("SIGKILL");
  await world.daemon.start();
  assert.deepEqual(values(await scrape(tcp), ...MEDIA), TALK);
  await nft(world.relay, "delete table ip lrkproxy");
  await until("the table is back", async () => (await scrape(tcp)).get("ready") === 1);
  assert.deepEqual(values(await scrape(tcp), ...MEDIA), [0, 0, 0, 0]);
});

/** Both parties' ports are learned, and so it is known that they were heard. */
async function untilLearned(world: World): Promise<void> {
  await until("the ports are learned", async () => {
    const { session: { caller, callee } } = await world.show();
    return caller.rtp.source !== null && callee.rtp.source !== null && caller.rtcp.source !== null;
  });
}

Deno.test("commands are counted by verb and result, refusals by reason", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  const { kamailio } = world;
  for (let n = 0; n < 3; n++) await kamailio.ping();
  await kamailio.config();
  const calls = [0, 1].map(numberedCall);
  await kamailio.openAll(calls);
  await kamailio.openRefused({ ...CALL, src: "127.0.0.1:6000" });
  await kamailio.closeAll([...calls, CALL]);
  await kamailio.ask("X nonsense");
  await kamailio.send(new TextEncoder().encode("garbage"));
  const expected = [
    ['commands_total{verb="P",result="ok"}', 3],
    ['commands_total{verb="G",result="ok"}', 1],
    ['commands_total{verb="S",result="ok"}', 2],
    ['commands_total{verb="S",result="refused"}', 1],
    ['commands_total{verb="D",result="ok"}', 3],
    ['commands_total{verb="other",result="refused"}', 1],
    ['refusals_total{reason="forbidden-remote"}', 1],
    ['control_latency_seconds_count{verb="S"}', 3],
    ['control_latency_seconds_bucket{verb="S",le="+Inf"}', 3],
    ['datagrams_ignored_total{reason="garbage"}', 1],
    ["sessions_opened_total", 2],
    ["unknown_closes_total", 1],
  ] as const;
  const page = await until("the garbage has arrived", async () => {
    const page = await scrape(tcp);
    return page.get('datagrams_ignored_total{reason="garbage"}') === 1 && page;
  });
  for (const [name, count] of expected) assert.equal(page.get(name), count, name);
  const seconds = page.get('control_latency_seconds_sum{verb="S"}') ?? 0;
  assert.ok(seconds > 0 && seconds < 3, `${seconds}`);
  assert.ok((page.get("netlink_transaction_seconds_count") ?? 0) >= 2);
});

Deno.test("a stranger's packets and a call with one voice show", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  await world.kamailio.open(CALL);
  const stranger = world.caller(6000, "10.10.1.66");
  stranger.rtp.send(packet("rtp", { sequence: 1, ssrc: 66 }), CALL.snat);
  world.caller(6000).rtp.send(packet("rtp", { sequence: 1, ssrc: 1 }), CALL.snat);
  await until("both are known", async () => {
    const { session, strangers } = await world.show();
    return strangers.length === 1 && session.caller.rtp.source !== null;
  });
  await world.kamailio.close(CALL);
  assert.deepEqual(
    values(await scrape(tcp), "refused_sources", MEDIA[2], 'sessions_heard_total{heard="caller"}'),
    [1, 1, 1],
  );
});

Deno.test("a UNIX socket serves the same, and is there again after SIGKILL", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lrk-netns-" });
  const path = `${folder}/made/metrics.sock`;
  try {
    await using world = await openWorld({ ini: { metrics: { listen: path, mode: "0600" } } });
    await world.kamailio.ping();
    assert.equal((await scrape(path)).get('commands_total{verb="P",result="ok"}'), 1);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await world.daemon.kill("SIGKILL");
    await world.daemon.start();
    assert.equal((await scrape(path)).get("ready"), 1);
    await world.daemon.kill("SIGTERM");
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("only GET and HEAD of three pages are answered", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  for (const path of ["/metrics", "/healthz", "/readyz", "/readyz?verbose"]) {
    const [get, head] = [await ask(tcp, path), await ask(tcp, path, "HEAD")];
    assert.deepEqual([get.status, head.status, head.body], [200, 200, ""], path);
  }
  assert.match((await ask(tcp, "/metrics")).head, /Content-Type: text\/plain; version=0\.0\.4/);
  for (const path of ["/", "/metrics/", "/sessions"]) {
    assert.equal((await ask(tcp, path)).status, 404, path);
  }
  const post = await ask(tcp, "/metrics", "POST");
  assert.equal(post.status, 405);
  assert.match(post.head, /Allow: GET, HEAD/);
});

Deno.test("stuck clients hold up neither calls nor, for long, other clients", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  const stuck = await Promise.all(Array.from({ length: 20 }, () => connectTo(tcp)));
  for (const each of stuck.slice(0, 8)) await each.write(new TextEncoder().encode("GET /met"));
  const begunMs = performance.now();
  await world.kamailio.ping();
  await world.kamailio.open(CALL);
  assert.ok(performance.now() - begunMs < 1000);
  await until("a patient client is served", async () => {
    const answer = await ask(tcp, "/healthz").catch(() => null);
    return answer?.status === 200;
  }, 15_000);
  for (const each of stuck) each.close();
});

Deno.test("a taken port costs the metrics, not the calls", async () => {
  await using world = await openWorld({
    ini: { metrics: { listen: "127.0.0.1:9478" } },
    prepare: ({ relay }) => {
      relay.run(() => Deno.listen({ hostname: "127.0.0.1", port: 9478 })).unref();
    },
  });
  await world.kamailio.open(CALL);
  assert.match(world.daemon.log, /ERROR Metrics are not served.*in use/);
});

Deno.test("readyz says no as long as the table cannot be had, healthz goes on", async () => {
  const { world, tcp } = await open();
  await using _world = world;
  assert.deepEqual((await ask(tcp, "/readyz")).body, "ok\n");
  {
    await using _thief = await stealTable(world.relay);
    const answer = await until("not ready", async () => {
      const answer = await ask(tcp, "/readyz");
      return answer.status === 503 && answer;
    });
    assert.match(answer.body, /table ip lrkproxy is missing or damaged/);
    assert.equal((await scrape(tcp)).get("ready"), 0);
    assert.equal((await ask(tcp, "/healthz")).status, 200);
  }
  await until("ready again", async () => (await ask(tcp, "/readyz")).status === 200);
  const page = await scrape(tcp);
  assert.ok((page.get("table_mended_total") ?? 0) >= 1);
  await world.kamailio.open(CALL);
});

/** A table with an owner is its alone: nobody can mend it until the owner ends. */
async function stealTable(relay: Namespace): Promise<AsyncDisposable> {
  await nft(relay, "delete table ip lrkproxy");
  const command = new Deno.Command("nft", {
    args: ["-i"],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  });
  const thief = relay.run(() => command.spawn());
  const writer = thief.stdin.getWriter();
  const steal = "delete table ip lrkproxy; add table ip lrkproxy { flags owner; }\n";
  const isStolen = async (): Promise<boolean> =>
    (await nft(relay, "list tables ip")).includes("lrkproxy") &&
    (await nft(relay, "list table ip lrkproxy")).includes("owner");
  // The daemon may be putting its table back at the same moment.
  await until("the table is stolen", async () => {
    await writer.write(new TextEncoder().encode(`add table ip lrkproxy; ${steal}`));
    return await isStolen();
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await writer.close();
      await thief.status;
    },
  };
}
