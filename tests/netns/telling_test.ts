import { strict as assert } from "node:assert";
import { type Ini, PROGRAM } from "./daemon.ts";
import { diagnose, shell } from "./doctor.ts";
import { CALL, Kamailio, numberedCall } from "./kamailio.ts";
import { scrape } from "./scrape.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

/*
 * What `status`, `show` and the doctor tell an operator must be so: no alarm while all is well, and
 * the cause where it is this machine's.
 */

/** What `lrkproxy show` prints on the relay itself. */
async function shown(world: World, by = ""): Promise<readonly string[]> {
  const { configPath } = world.daemon;
  const text = await shell(world.relay, `${by} ${PROGRAM} show ${CALL.id} --config ${configPath}`);
  return text.split("\n").filter((line) => line.startsWith("=> ")).map((line) => line.slice(3));
}

Deno.test("after a restart under media, no call is said to be unheard", async () => {
  await using world = await openWorld();
  const calls = Array.from({ length: 8 }, (_, n) => numberedCall(n));
  await world.kamailio.openAll(calls);
  await Promise.all(calls.map(async (call, n) => {
    await converse(world.caller(6000 + 4 * n), world.callee(7000 + 4 * n), call);
  }));
  await Promise.all(calls.map(({ id }) => untilLocked(world, id)));
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await world.daemon.kill(signal);
    await world.daemon.start();
    const { sessions } = await world.status();
    assert.deepEqual(sessions, { unheard: 0, active: 8, stale: 0, unread: 0 }, signal);
  }
});

Deno.test("after a restart, what was not looked at yet is not said to be unheard", async () => {
  await using world = await openWorld({ ini: { session: { learning: "never" } } });
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  await world.daemon.kill("SIGTERM");
  await world.daemon.start();
  const { out } = await world.daemon.cli("status");
  assert.match(out, /^sessions: 0 active, 0 not heard from yet, 0 stale, 1 not looked at since/m);
  await until("it is looked at", async () => (await world.status()).sessions.active === 1, 20_000);
});

Deno.test("status, doctor and metrics count ports in the same way, and calls of room", async () => {
  await using world = await openWorld({ ini: { metrics: { listen: "127.0.0.1:9477" } } });
  await world.kamailio.openAll([0, 1, 2].map(numberedCall));
  const [instance] = (await world.status()).instances;
  const page = await scrape({ place: world.relay, port: 9477 });
  const metric = page.get('ports_in_use{media_instance="default"}');
  assert.deepEqual([instance?.portsInUse, metric], [12, 12]);
  assert.deepEqual([instance?.calls, instance?.room], [3, 2500]);
  assert.match((await world.daemon.cli("status")).out, /20000-30000 +3 of 2500 /);
});

Deno.test("many one-way calls are told by status and doctor, with the next step", async () => {
  await using world = await openWorld();
  const calls = [0, 1, 2].map(numberedCall);
  await world.kamailio.openAll(calls);
  calls.forEach(({ snat }, n) => world.caller(6000 + 4 * n).talk(snat));
  const [warning = ""] = await until("it is told", async () => {
    const { warnings } = await world.status();
    return warnings.length > 0 && warnings;
  }, 40_000);
  assert.match(warning, /^3 of 3 calls have RTP of the caller only/);
  const { out } = await world.daemon.cli("status");
  assert.match(
    out,
    /^one-way: {2}3 of 3 calls; RTP of the caller only: 3, of the callee only: 0$/m,
  );
  assert.match(
    out,
    /^warning: 3 of 3 calls .*\n +=> lrkproxy sessions .*\n +=> sudo lrkproxy show/m,
  );
  const [found] = (await diagnose(world.relay, { config: world.daemon.configPath }))
    .of("daemon.warnings");
  assert.deepEqual([found?.severity, found?.what], ["warn", warning]);
  assert.match(found?.remedy.join("\n") ?? "", /lrkproxy show CALL-ID/);
});

Deno.test("show names the firewall of this machine before it blames a party, and its cure works", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const caller = world.caller(6000);
  const fromCaller = caller.talk(CALL.snat);
  await until("the caller is heard", async () => (await world.show()).session.caller.rtp.source);
  assert.match((await shown(world))[0] ?? "", /^This machine's .* let the call's RTP pass/);
  await shell(
    world.relay,
    "nft 'table inet own { chain f { type filter hook forward priority filter; policy drop; }; }'",
  );
  const [first = "", ...others] = await shown(world);
  assert.match(
    first,
    /^This machine: table inet own, chain f drops media from 192\.0\.2\.1:20000 /,
  );
  assert.match(first, /\(inside to outside\): policy drop/);
  const cures = others.filter((line) => line.startsWith("Cure: "));
  const blamed = others.findIndex((line) => line.startsWith("The callee was never heard"));
  assert(cures.length > 0 && blamed >= cures.length, others.join("\n"));
  for (const cure of cures) await shell(world.relay, cure.slice("Cure: ".length));
  const callee = world.callee(7000);
  await untilTwoWay({ caller, callee, fromCaller, fromCallee: callee.talk(CALL.dst) });
  assert.match((await shown(world))[0] ?? "", /let the call's RTP pass/);
});

Deno.test("show judges this call's own addresses and ports", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  const chain = (rule: string): string =>
    `nft delete table inet own 2>/dev/null || true
    nft 'table inet own { chain f { type filter hook forward priority filter; ${rule} drop; }; }'`;
  for (const rule of ["ip daddr 192.0.2.21", "udp sport 20004", "udp dport 7002"]) {
    await shell(world.relay, chain(rule));
    assert.match((await shown(world))[0] ?? "", /let the call's RTP pass/, rule);
  }
  for (const rule of ["ip daddr 192.0.2.20", "udp sport 20000", "udp dport 7000"]) {
    await shell(world.relay, chain(rule));
    assert.match((await shown(world))[0] ?? "", /chain f drops media from 192\.0\.2\.1/, rule);
  }
});

Deno.test("show names a missing address and a missing route", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const elsewhere = { ...CALL, id: "elsewhere", dnat: "203.0.113.5:7000" };
  await shell(world.relay, "ip address del 192.0.2.1/24 dev outside");
  await until("the daemon knows", async () => (await world.status()).warnings.length > 0, 15_000);
  const [first = "", cure = "", file = "", ...others] = await shown(world);
  assert.match(first, /^This machine: no interface has the media address 192\.0\.2\.1/);
  assert.match(
    file,
    /^Cure: or, if it is wrong, correct it in lrkproxy\.ini, lrkproxy reload --config \S+, and restart Kamailio/,
  );
  assert.match(cure, /^Cure: ip address add 192\.0\.2\.1\/PREFIX/);
  assert(!others.some((line) => line.startsWith("This machine:")), others.join("\n"));
  // Who does not look at the machine itself is told by the daemon.
  assert.match((await world.show()).findings[0] ?? "", /^This machine: No interface has .* Cure: /);
  await shell(world.relay, "ip address add 192.0.2.1/24 dev outside");
  await world.kamailio.open({ ...elsewhere, id: CALL.id });
  const found = await shown(world);
  assert(found.some((line) => /no way for media from 192\.0\.2\.1 to 203\.0\.113\.5/.test(line)));
});

Deno.test("show says where it could not look: as an ordinary user, in another namespace", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { out } = await world.daemon.cli("show", CALL.id);
  assert.match(out, /=> .* were not looked at: the daemon is in another network namespace/);
  await Deno.chmod(world.daemon.folder, 0o755);
  await Deno.chmod(world.daemon.configPath, 0o644);
  const by = `mount --bind "$(dirname ${PROGRAM})" /mnt;
    setpriv --reuid 65534 --regid 0 --clear-groups --inh-caps=-all --bounding-set=-all /mnt/lrkproxy`;
  const text = await shell(
    world.relay,
    `${by} show ${CALL.id} --config ${world.daemon.configPath}`,
  );
  assert.match(text, /=> This machine's firewalls could not be looked at; as root they can/);
  assert.doesNotMatch(text, /let the call's RTP pass/);
});

const WRONG: Ini = { kernel: { internal_ip: "10.10.1.3" } };
const TYPO: Ini = { kernel: { internal_ip: "10.10.1.2" } };

/** What status says of addresses that Kamailio goes on with. */
async function former(world: World): Promise<readonly string[]> {
  return (await world.status()).warnings.filter((line) => line.includes("still gives out"));
}

Deno.test("addresses that Kamailio goes on with after a reload are told by status, show and doctor", async () => {
  await using world = await openWorld({ ini: WRONG });
  await world.daemon.reload({});
  // Kamailio 6 has asked when it started, and does not ask again.
  await world.kamailio.open({ ...CALL, snat: "10.10.1.3:20002" });
  const told = /Kamailio still gives out 10\.10\.1\.3/;
  assert.match((await former(world)).join(), told);
  await world.daemon.waitForLog("Kamailio still gives out 10.10.1.3");
  assert((await shown(world)).some((line) => told.test(line) && /restart Kamailio/.test(line)));
  const [finding] = (await diagnose(world.relay, { config: world.daemon.configPath })).of(
    "daemon.warnings",
  );
  assert.match(finding?.what ?? "", told);
  // A Kamailio that starts asks.
  await world.kamailio.config();
  assert.deepEqual(await former(world), []);
  await world.kamailio.open({ ...CALL, id: "after-the-restart" });
  assert.deepEqual(await former(world), []);
});

Deno.test("a reload to addresses that nobody has is told with what is wrong, and undone without a restart", async () => {
  await using world = await openWorld();
  await world.kamailio.config();
  assert.match(
    await world.daemon.reload(TYPO),
    /note: Kamailio goes on with .*correct the file first/,
  );
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  const [warning = ""] = await former(world);
  assert.match(
    warning,
    /^Kamailio still gives out 10\.10\.1\.1, .*; \[kernel\] internal_ip \(.*, line \d+\) is now 10\.10\.1\.2, which no interface .*10\.10\.1\.1 on inside/,
  );
  const found = (await shown(world)).filter((line) => line.startsWith("This machine: "));
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(found[0] ?? "", /is now 10\.10\.1\.2.*Cure: correct that first.*only after that/);
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
  const cures = of("daemon.warnings").filter(({ what }) => what === warning)
    .flatMap(({ remedy }) => remedy);
  assert.match(cures.join("\n"), /^correct that first: .*\nrestart Kamailio only after that/);
  // Kamailio gives out the very addresses that the file has again.
  assert.doesNotMatch(await world.daemon.reload({}), /note: .*Kamailio/);
  const fine = async (): Promise<void> => {
    assert.deepEqual((await world.status()).warnings, []);
    assert((await shown(world)).every((line) => !line.startsWith("This machine: ")));
  };
  await fine();
  await world.kamailio.open({ ...numberedCall(1) });
  await fine();
});

Deno.test("calls that are refused, and commands that are dropped, are told by status and doctor with the cure", async () => {
  await using world = await openWorld({
    ini: { "UDP socket": { socket_udp_host: "0.0.0.0" } },
  });
  const stranger = world.use(
    new Kamailio(world.net.caller, { host: "10.10.1.1", from: "10.10.1.10" }),
  );
  await stranger.send(new TextEncoder().encode("1_1 P"));
  const told = async (says: RegExp): Promise<readonly string[]> => {
    const warning = await until(
      `status says ${says}`,
      async () => (await world.status()).warnings.find((line) => says.test(line)),
    );
    const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
    return of("daemon.warnings").find(({ what }) => what === warning)?.remedy ?? [];
  };
  assert.match(
    (await told(/^Commands from 10\.10\.1\.10 are dropped/)).join(),
    /add 10\.10\.1\.10 to/,
  );
  await world.kamailio.open(CALL);
  await world.kamailio.openRefused({
    ...CALL,
    id: "other@test",
    src: "10.10.1.10:6002",
    snat: "10.10.1.9:20006",
  });
  assert.match(
    (await told(/1 call was refused .*not-our-address.*10\.10\.1\.9/)).join(),
    /restart Kamailio, if/,
  );
  const { warnings } = await world.status();
  assert(!warnings.some((line) => line.startsWith("Commands from")), warnings.join());
});

Deno.test("sessions and show do not say that a party was heard just now when it has been silent for seconds", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { fromCaller } = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  fromCaller.stop();
  const stoppedMs = performance.now();
  await until("some seconds have gone", () => performance.now() - stoppedMs > 3000, 5000);
  const { session: { caller: { rtp } } } = await world.show();
  const silentSeconds = (performance.now() - stoppedMs) / 1000;
  assert((rtp.ageAtMostSeconds ?? 0) >= silentSeconds - 1, JSON.stringify(rtp));
  const { out } = await world.daemon.cli("sessions");
  const [callerLine = "", calleeLine = ""] = out.split("\n").slice(1);
  assert.doesNotMatch(callerLine, /0\.\d s ago$/);
  assert.match(calleeLine, /[01]\.\d s ago$/);
});
