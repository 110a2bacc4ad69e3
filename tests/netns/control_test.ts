import { strict as assert } from "node:assert";
import { CALL, Kamailio, numberedCall, parseConfig, requestText } from "./kamailio.ts";
import { until, within } from "./until.ts";
import { converse, openWorld, untilTwoWay, type World } from "./world.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One connection to the UNIX control socket, as Kamailio makes for every command. */
async function connect(world: World): Promise<Deno.UnixConn> {
  return await Deno.connect({ transport: "unix", path: world.daemon.controlSocket });
}

/** Everything that comes until the daemon closes the connection. */
async function readAll(connection: Deno.UnixConn): Promise<Uint8Array> {
  const body = new Response(connection.readable).bytes();
  return await within("the daemon closes the connection", body);
}

async function askUnix(world: World, request: string): Promise<Uint8Array> {
  const connection = await connect(world);
  await connection.write(encoder.encode(request));
  return await readAll(connection);
}

async function counts(world: World): Promise<Readonly<Record<string, number>>> {
  return (await world.status()).control;
}

Deno.test("on the UNIX socket requests have no cookie, and each connection gets one exact answer", async () => {
  await using world = await openWorld();
  assert.equal(decoder.decode(await askUnix(world, "P")), "P PONG");
  assert.deepEqual(parseConfig(await askUnix(world, "G")), {
    startPort: 20000,
    endPort: 30000,
    currentPort: 20000,
    internalIp: "10.10.1.1",
    externalIp: "192.0.2.1",
  });
  const open = requestText("S", CALL);
  assert.equal(decoder.decode(await askUnix(world, open)), `${open}OK`);
  await converse(world.caller(6000), world.callee(7000));
  const same = requestText("S", { ...CALL, id: "thief@test" });
  assert.equal(decoder.decode(await askUnix(world, same)), `${same}ER`);
  const close = requestText("D", CALL);
  assert.equal(decoder.decode(await askUnix(world, close)), `${close}OK`);
  assert.deepEqual(await world.sessions(), []);
});

Deno.test("a request that comes byte by byte is answered when it is whole, and others do not wait", async () => {
  await using world = await openWorld();
  const slow = await connect(world);
  const request = requestText("S", CALL);
  for (const byte of encoder.encode(request)) {
    await slow.write(Uint8Array.of(byte));
    // The daemon has read what came before by the time it answers this.
    await world.kamailio.ping();
  }
  assert.equal(decoder.decode(await readAll(slow)), `${request}OK`);
});

Deno.test("connections that send nothing, half a request or garbage are closed and hold nobody up", async () => {
  await using world = await openWorld();
  const beginnings = ["", "S 10.10.1.10 192.0", "\u0000\u0001\u0002", "x".repeat(5000), "PPPP"];
  const clients = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const connection = await connect(world);
      const beginning = encoder.encode(beginnings[i % beginnings.length] ?? "");
      if (beginning.length > 0) await connection.write(beginning);
      return connection;
    }),
  );
  await world.kamailio.ping();
  assert.equal(decoder.decode(await askUnix(world, "P")), "P PONG");
  // More bytes than a request can have may cost the answer, never the close.
  await Promise.all(clients.map((client) => readAll(client).catch(() => {})));
  await world.kamailio.open(CALL);
});

Deno.test("a request cut short by the end of the connection is refused and changes nothing", async () => {
  await using world = await openWorld();
  const connection = await connect(world);
  const half = requestText("S", CALL).slice(0, 40);
  await connection.write(encoder.encode(half));
  await connection.closeWrite();
  assert.equal(decoder.decode(await readAll(connection)), `${half}ER`);
  assert.deepEqual(await world.sessions(), []);
});

Deno.test("commands are taken over IPv6", async () => {
  await using world = await openWorld({
    ini: { "UDP socket": { socket_udp_host: "::1", allow: "::1/128" } },
  });
  const kamailio = world.use(new Kamailio(world.relay, { host: "::1" }));
  await kamailio.ping();
  await kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  await kamailio.close(CALL);
  assert.deepEqual(await world.sessions(), []);
});

Deno.test("a peer that is not allowed hears nothing, changes nothing, and is counted", async () => {
  await using world = await openWorld({ ini: { "UDP socket": { socket_udp_host: "0.0.0.0" } } });
  await world.kamailio.open(CALL);
  const stranger = world.use(
    new Kamailio(world.net.caller, { host: "10.10.1.1", from: "10.10.1.10" }),
  );
  for (const body of ["P", "G", requestText("D", CALL), requestText("S", numberedCall(1))]) {
    await stranger.send(encoder.encode(`1_1 ${body}`));
  }
  await until("all four are counted", async () => (await counts(world)).stranger === 4);
  assert.deepEqual((await world.sessions()).map(({ callId }) => callId), [CALL.id]);
  assert.equal(stranger.unexpected, 0);
  assert.match(world.daemon.log, /allow.* peer=10\.10\.1\.10/);
});

Deno.test("a peer of an allowed network is served from outside the machine", async () => {
  await using world = await openWorld({
    ini: { "UDP socket": { socket_udp_host: "0.0.0.0", allow: "127.0.0.0/8, 10.10.1.0/24" } },
  });
  const peer = world.use(new Kamailio(world.net.caller, { host: "10.10.1.1", from: "10.10.1.10" }));
  await peer.ping();
  await peer.open(CALL);
});

Deno.test("a repeated request is answered every time, and a burst of them once each", async () => {
  await using world = await openWorld();
  // Replies must not outrun a worker's receive buffer, so there are several.
  const workers = Array.from({ length: 12 }, () => world.use(new Kamailio(world.relay)));
  const calls = Array.from({ length: 300 }, (_, n) => numberedCall(n));
  const twice = [...calls, ...calls].map((call, i) => ({
    call,
    worker: workers[i % workers.length] ?? world.kamailio,
  }));
  await Promise.all(twice.map(({ call, worker }) => worker.open(call)));
  assert.equal((await world.sessions()).length, calls.length);
  await Promise.all(twice.map(({ call, worker }) => worker.close(call)));
  assert.deepEqual(await world.sessions(), []);
  assert(workers.every(({ unexpected }) => unexpected === 0));
});

Deno.test("a restarted Kamailio is told a port past the live calls", async () => {
  await using world = await openWorld();
  const calls = Array.from({ length: 25 }, (_, n) => numberedCall(n));
  await world.kamailio.openAll(calls);
  const workers = Array.from({ length: 8 }, () => world.use(new Kamailio(world.relay)));
  for (const { currentPort } of await Promise.all(workers.map((worker) => worker.config()))) {
    assert(currentPort >= 20000 + 4 * calls.length, `current_port is ${currentPort}`);
  }
});

Deno.test("floods of garbage leave the calls alone, and P is answered all along", async () => {
  await using world = await openWorld({ ini: { "UDP socket": { socket_udp_host: "0.0.0.0" } } });
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  const flooders = [
    world.use(new Kamailio(world.relay)),
    world.use(new Kamailio(world.net.caller, { host: "10.10.1.1", from: "10.10.1.10" })),
  ];
  const waits: number[] = [];
  for (let round = 0; round < 40; round++) {
    const flood = flooders.flatMap((flooder) =>
      Array.from({ length: 250 }, () => flooder.send(garbage()))
    );
    const asked = performance.now();
    await world.kamailio.ping();
    waits.push(performance.now() - asked);
    await Promise.all(flood);
  }
  waits.sort((one, other) => one - other);
  const [median, worst] = [waits[waits.length >> 1] ?? NaN, waits.at(-1) ?? NaN];
  console.log(`P under a flood: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`);
  await untilTwoWay(conversation);
  const { garbage: unread = 0, refused = 0, stranger = 0 } = await counts(world);
  assert(unread + refused > 0 && stranger > 0);
  assert.deepEqual((await world.sessions()).map(({ callId }) => callId), [CALL.id]);
  assert.deepEqual(flooders.map(({ unexpected }) => unexpected > 0), [refused > 0, false]);
});

/** Whatever few bytes change, this is no call of this relay. */
const ELSEWHERE = {
  ...CALL,
  id: "elsewhere@test",
  snat: "198.51.100.7:20002",
  dst: "198.51.100.7:20000",
};

/** Random bytes, or a request with some of its bytes changed. */
function garbage(): Uint8Array {
  const random = (below: number): number => Math.floor(Math.random() * below);
  if (random(2) === 0) return crypto.getRandomValues(new Uint8Array(random(1400)));
  const bytes = encoder.encode(`1_1 ${requestText("S", ELSEWHERE)}`);
  for (let i = random(8); i >= 0; i--) bytes[random(bytes.length)] = random(256);
  return bytes;
}
