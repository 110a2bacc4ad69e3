import { strict as assert } from "node:assert";
import type { Ini } from "./daemon.ts";
import { CALL, Kamailio, numberedCall, parseConfig } from "./kamailio.ts";
import { readSet } from "./kernel.ts";
import { until, within } from "./until.ts";
import { converse, expectNoLoss, openWorld, untilLocked, type World } from "./world.ts";

/** One change of the file: what it must do, beside what `reload` prints of it. */
interface Step {
  readonly name: string;
  readonly ini: (world: World) => Ini;
  readonly says: RegExp;
  readonly check: (world: World) => Promise<void>;
}

const WITH_SECOND: Ini = {
  "instance second": { control_port: 8081, start_port: 40000, end_port: 50000 },
};
const TOO_MANY = numberedCall(500);

async function askUnix(path: string, request: string): Promise<Uint8Array> {
  const connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(request));
  return await within("an answer on the stream", new Response(connection.readable).bytes());
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

const STEPS: readonly Step[] = [
  {
    name: "more control peers, on more addresses",
    ini: () => ({
      "UDP socket": { socket_udp_host: "0.0.0.0", allow: "127.0.0.0/8, 10.10.1.0/24" },
    }),
    says:
      /allow: 127\.0\.0\.0\/8 -> 127\.0\.0\.0\/8 10\.10\.1\.0\/24\n.*127\.0\.0\.1:8080 -> 0\.0\.0\.0:8080/s,
    async check({ use, net, kamailio }) {
      const peer = use(new Kamailio(net.caller, { host: "10.10.1.1", from: "10.10.1.10" }));
      await peer.ping();
      await kamailio.ping();
    },
  },
  {
    name: "fewer control peers",
    ini: () => ({ "UDP socket": { socket_udp_host: "0.0.0.0" } }),
    says: /allow: .* -> 127\.0\.0\.0\/8\n/,
    async check(world) {
      const { stranger = 0 } = (await world.status()).control;
      const options = { host: "10.10.1.1", from: "10.10.1.10" };
      const peer = world.use(new Kamailio(world.net.caller, options));
      await peer.send(new TextEncoder().encode("1_1 P"));
      await until("it is a stranger", async () => {
        return ((await world.status()).control["stranger"] ?? 0) > stranger;
      });
      await world.kamailio.ping();
    },
  },
  {
    name: "refused networks",
    ini: () => ({ session: { refuse: "192.0.2.128/25" } }),
    says: /refuse: nothing -> 192\.0\.2\.128\/25/,
    async check({ kamailio }) {
      await kamailio.openRefused({ ...numberedCall(1), dnat: "192.0.2.200:7004" });
    },
  },
  {
    name: "fewer sessions",
    ini: () => ({ kernel: { max_sessions: 1 } }),
    says: /max_sessions: 25000 -> 1\n/,
    check: ({ kamailio }) => kamailio.openRefused(TOO_MANY),
  },
  {
    name: "more sessions again",
    ini: () => ({}),
    says: /max_sessions: 1 -> 25000/,
    async check({ kamailio }) {
      await kamailio.open(TOO_MANY);
      await kamailio.close(TOO_MANY);
    },
  },
  {
    name: "another instance",
    ini: () => WITH_SECOND,
    says: /instance second: added \(udp:127\.0\.0\.1:8081/,
    async check({ use, relay }) {
      const worker = use(new Kamailio(relay, { port: 8081 }));
      assert.equal((await worker.config()).startPort, 40000);
      await worker.open({
        ...CALL,
        id: "second@test",
        snat: "10.10.1.1:40002",
        dst: "192.0.2.1:40000",
      });
      assert.equal((await readSet(relay, "relay_ports")).length, 4);
    },
  },
  {
    name: "an instance less, whose session stays",
    ini: () => ({}),
    says: /instance second: removed .*\n.*note: The 1 sessions of instance "second"/s,
    async check(world) {
      assert.equal((await world.show("second@test")).session.instance, "second");
      const worker = world.use(new Kamailio(world.relay, { port: 8081 }));
      await assert.rejects(worker.ask("P", 200));
      assert.deepEqual((await world.status()).instances.map(({ name }) => name), ["default"]);
      assert.equal((await world.daemon.cli("drop", "second@test")).code, 0);
    },
  },
  {
    name: "no learning, and the file's other words for the log",
    ini: () => ({ session: { learning: "never" }, logger: { log_calls: "True" } }),
    says: /learning: once -> never\n.*log_calls: False -> True/s,
    async check(world) {
      const call = numberedCall(2);
      await world.kamailio.open(call);
      const talk = await converse(world.caller(6008), world.callee(7008), call);
      assert.equal((await world.show(call.id)).session.caller.rtp.latch, "open");
      await expectNoLoss(talk);
      const logged = world.daemon.log.length;
      await world.kamailio.close(call);
      await world.daemon.waitForLog(`INFO Session ended call=${call.id}`, logged);
      const { sent } = talk.fromCaller.rtp;
      assert.match(world.daemon.log.slice(logged), new RegExp(`callerPackets=${sent} `));
    },
  },
  {
    name: "learning",
    ini: () => ({}),
    says: /learning: never -> once/,
    async check(world) {
      const call = numberedCall(3);
      await world.kamailio.open(call);
      const talk = await converse(world.caller(6012), world.callee(7012), call);
      await untilLocked(world, call.id);
      await expectNoLoss(talk);
      await world.kamailio.close(call);
    },
  },
  {
    name: "shorter limits",
    ini: () => ({ session: { timeout: 1, live_window: 1, unheard_limit: 2 } }),
    says: /timeout: 60 -> 1\n.*unheard_limit: 180 -> 2\n.*live_window: 5 -> 1/s,
    async check(world) {
      const call = numberedCall(4);
      await world.kamailio.open(call);
      const logged = world.daemon.log.length;
      await world.daemon.waitForLog(`Session stale call=${call.id}`, logged);
      await world.daemon.waitForLog(`reason=never-heard`, logged);
    },
  },
  {
    name: "other addresses and ports, the old ones of which stay valid",
    ini: () => ({
      kernel: { internal_ip: "10.10.1.2", start_port: 30100, end_port: 30999, current_port: 30200 },
    }),
    says:
      /internal_ip: 10\.10\.1\.1 -> 10\.10\.1\.2\n.*ports: 20000-30000 -> 30100-30999\n.*note: Kamailio goes on with the old/s,
    async check(world) {
      const { internalIp, currentPort } = await world.kamailio.config();
      assert.equal(internalIp, "10.10.1.2");
      assert(currentPort >= 30100, `${currentPort}`);
      const moved = { ...numberedCall(5), snat: "10.10.1.2:30202", dst: "192.0.2.1:30200" };
      await world.kamailio.open(moved);
      const talk = await converse(world.caller(6020), world.callee(7020), moved);
      assert.deepEqual(talk.caller.rtp.sources(), ["10.10.1.2:30202"]);
      await expectNoLoss(talk);
      await world.kamailio.close(moved);
      await world.kamailio.open(numberedCall(6));
      await world.kamailio.close(numberedCall(6));
      const guarded = await readSet(world.relay, "relay_ports");
      assert.match(JSON.stringify(guarded), /10\.10\.1\.2.*30100.*31003/);
    },
  },
  {
    name: "interfaces",
    ini: () => ({ kernel: { interfaces: "inside" } }),
    says: /interfaces: auto -> inside/,
    async check(world) {
      const names = Object.keys((await world.status()).sysctls);
      assert(names.length > 0 && names.every((name) => name.includes(".inside.")), `${names}`);
    },
  },
  {
    name: "another control stream, admin socket and receive buffer",
    ini: ({ daemon: { folder } }) => ({
      "UDP socket": { receive_buffer: 131072 },
      "UNIX socket": { listen: `${folder}/other.sock`, mode: "0600" },
      admin: { socket: `${folder}/other_admin.sock` },
    }),
    says: /^$/,
    async check({ daemon: { folder, controlSocket }, status }) {
      assert.equal(parseConfig(await askUnix(`${folder}/other.sock`, "G")).startPort, 20000);
      assert.equal(await modeOf(`${folder}/other.sock`), 0o600);
      await assert.rejects(Deno.stat(controlSocket), Deno.errors.NotFound);
      assert.match((await status()).instances[0]?.control.join() ?? "", /other\.sock/);
    },
  },
  {
    name: "the mode of a control stream that stays",
    ini: ({ daemon: { folder } }) => ({
      "UNIX socket": { listen: `${folder}/other.sock`, mode: "0666" },
      admin: { socket: `${folder}/other_admin.sock` },
    }),
    says: /receive_buffer: 131072 -> 8388608\n.*UNIX control mode: 0600 -> 0666/s,
    async check({ daemon: { folder, log } }) {
      assert.equal(await modeOf(`${folder}/other.sock`), 0o666);
      assert.match(log, /Listening instance=default socket=udp:127\.0\.0\.1:8080 buffer=262144/);
    },
  },
  {
    name: "a log file, and fewer lines",
    ini: ({ daemon: { folder } }) => ({
      "UNIX socket": { listen: `${folder}/other.sock`, mode: "0666" },
      admin: { socket: `${folder}/other_admin.sock` },
      logger: {
        log_level: "warning",
        log_to_file: "True",
        log_to_console: "False",
        log_directory: `${folder}/log`,
      },
    }),
    says:
      /log_to_console: True -> False\n.*log file: none -> .*lrkproxy\.log\n.*log_level: debug -> warning/s,
    async check({ daemon, kamailio }) {
      const logged = daemon.log.length;
      await kamailio.openRefused({ ...numberedCall(7), snat: "198.51.100.7:20030" });
      const path = `${daemon.folder}/log/lrkproxy.log`;
      await until(
        "the file has it",
        async () => /WARNING Call refused/.test(await Deno.readTextFile(path)),
      );
      assert.doesNotMatch(await Deno.readTextFile(path), /INFO|DEBUG/);
      assert.equal(daemon.log.length, logged);
    },
  },
];

Deno.test("every kind of change takes effect by a reload, and the calls lose no packet", async () => {
  await using world = await openWorld({
    prepare: ({ relay }) => void relay.ip("address", "add", "10.10.1.2/24", "dev", "inside"),
  });
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  for (const step of STEPS) {
    const said = await reload(world, step);
    assert.match(said, step.says, step.name);
    await step.check(world).catch((cause) => {
      throw new Error(`${step.name}: ${cause}`, { cause });
    });
  }
  const { session } = await world.show();
  assert.equal(session.caller.rtp.latch, "locked");
  const sent = await expectNoLoss(talk);
  console.log(`${STEPS.length} reloads, ${sent} packets sent, 0 lost`);
});

/** By the command; by the signal where the admin socket moves, of which the command knows nothing. */
async function reload(world: World, { ini, says }: Step): Promise<string> {
  if (says.source !== "^$") return await world.daemon.reload(ini(world));
  const logged = world.daemon.log.length;
  world.daemon.configure(ini(world));
  world.daemon.signal("SIGHUP");
  await world.daemon.waitForLog("The configuration is reloaded", logged);
  return "";
}

Deno.test("a file that cannot be used is refused whole, with the reason, by command and signal", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  const before = await world.status();
  world.daemon.configure({ kernel: { end_port: 99, start_port: 25000 }, session: { timeout: 5 } });
  const reason =
    /lrkproxy\.ini:\d+: \[kernel\] end_port: "99" is too small; allowed: .*1024 to 65534/;

  const { code, out, error } = await world.daemon.cli(
    "reload",
    "--socket",
    world.daemon.adminSocket,
  );
  assert.deepEqual([code, out], [1, ""]);
  assert.match(error, /the configuration stays as it was\n/);
  assert.match(error, reason);
  // The file that hides the socket is the file that is wrong.
  const blind = await world.daemon.cli("reload");
  assert.equal(blind.code, 1);
  assert.match(blind.error, reason);

  const logged = world.daemon.log.length;
  world.daemon.signal("SIGHUP");
  await world.daemon.waitForLog("The configuration stays as it was", logged);
  assert.match(world.daemon.log.slice(logged).replaceAll("\\", ""), reason);
  world.daemon.configure({});
  assert.deepEqual((await world.status()).instances, before.instances);
  assert.equal((await world.kamailio.config()).startPort, 20000);
  await expectNoLoss(talk);
});

Deno.test("a socket that cannot be opened refuses the whole reload", async () => {
  await using world = await openWorld();
  const taken = world.relay.run(() =>
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 8082 })
  );
  let isTaken = true;
  const release = (): void => {
    if (isTaken) taken.close();
    isTaken = false;
  };
  world.use({ [Symbol.dispose]: release });
  const changes: Ini = {
    kernel: { max_sessions: 1 },
    "UDP socket": { socket_udp_port: 8079 },
    ...WITH_SECOND,
    "instance third": { control_port: 8082, start_port: 50100, end_port: 50200 },
  };
  world.daemon.configure(changes);
  const { code, error } = await world.daemon.cli("reload");
  assert.equal(code, 1);
  assert.match(error, /Cannot listen on udp:127\.0\.0\.1:8082 of instance "third": .*in use/);

  // Neither the sockets that could be opened nor the other settings.
  await world.kamailio.openAll([numberedCall(0), numberedCall(1)]);
  for (const port of [8079, 8081]) {
    await assert.rejects(world.use(new Kamailio(world.relay, { port })).ask("P", 100));
  }
  assert.equal((await world.status()).instances.length, 1);
  assert.equal((await readSet(world.relay, "relay_ports")).length, 2);
  release();
  assert.match(await world.daemon.reload(changes), /instance third: added/);
  await world.use(new Kamailio(world.relay, { port: 8082 })).ping();
});

Deno.test("a log file that cannot be opened refuses the whole reload", async () => {
  await using world = await openWorld();
  const changes: Ini = {
    logger: { log_to_file: "True", log_directory: "/proc/nobody" },
    ...WITH_SECOND,
  };
  world.daemon.configure(changes);
  const { code, error } = await world.daemon.cli("reload");
  assert.equal(code, 1);
  assert.match(error, /Cannot open log \/proc\/nobody/);
  await assert.rejects(world.use(new Kamailio(world.relay, { port: 8081 })).ask("P", 100));
});

Deno.test("SIGHUP opens the log file anew, also when nothing has changed", async () => {
  await using world = await openWorld();
  const { folder } = world.daemon;
  const changes: Ini = { logger: { log_to_file: "True", log_directory: folder } };
  await world.daemon.reload(changes);
  const [file, old] = [`${folder}/lrkproxy.log`, `${folder}/lrkproxy.log.1`];
  await Deno.rename(file, old);
  world.daemon.signal("SIGHUP");
  await until("there is a file again", () => Deno.stat(file).then(() => true, () => false));
  const moved = await Deno.readTextFile(old);
  await until("it takes the lines", async () => {
    return /configuration is reloaded/.test(await Deno.readTextFile(file));
  });
  assert.equal(await Deno.readTextFile(old), moved);
  assert.match(
    await world.daemon.reload(changes),
    /^Nothing in the configuration has changed\.\n$/,
  );
});

Deno.test("no request is lost or late over forty reloads that move sockets and instances", async () => {
  await using world = await openWorld();
  let isOver = false;
  const waits: number[] = [];
  const asking = (async () => {
    for (let n = 0; !isOver; n = (n + 1) % 2000) {
      const call = numberedCall(n);
      const begun = performance.now();
      await world.kamailio.open(call);
      await world.kamailio.close(call);
      waits.push(performance.now() - begun);
    }
  })();
  const forms: readonly Ini[] = [
    { "UDP socket": { socket_udp_host: "0.0.0.0" } },
    { "UDP socket": { socket_udp_host: "127.0.0.1" }, session: { timeout: 30 } },
    WITH_SECOND,
    { kernel: { end_port: 29000 } },
  ];
  for (let n = 0; n < 40; n++) {
    const logged = world.daemon.log.length;
    world.daemon.configure(forms[n % forms.length] ?? {});
    world.daemon.signal("SIGHUP");
    await world.daemon.waitForLog("The configuration is reloaded", logged);
  }
  isOver = true;
  await within("every request is answered", asking);
  const worst = Math.max(...waits);
  console.log(
    `${waits.length * 2} requests over 40 reloads, the slowest pair took ${worst.toFixed(0)} ms`,
  );
  assert(worst < 1000, "a retransmission would have come");
});
