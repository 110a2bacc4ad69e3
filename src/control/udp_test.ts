import assert from "node:assert/strict";
import type { Command } from "../core/plan.ts";
import { Inbox } from "./inbox.ts";
import { openUdp, serveUdp, type UdpServer } from "./udp.ts";

const FIELDS = "10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60";
const CONFIG = { startPort: 1, endPort: 2, currentPort: 1, internalIp: "", externalIp: "" };
const PATIENCE_MS = 5000;

interface Served extends AsyncDisposable {
  readonly inbox: Inbox;
  readonly server: UdpServer;
  readonly address: Deno.NetAddr;
  readonly batches: readonly (readonly Command[])[];
  readonly strangers: readonly unknown[];
}

/** Serve on a free port of the loopback; everybody may send commands unless it says otherwise. */
async function serve(hostname: string, allows = (): boolean => true): Promise<Served> {
  const batches: (readonly Command[])[] = [];
  const strangers: unknown[] = [];
  const inbox = new Inbox({
    handle: (commands) => {
      batches.push(commands);
      return Promise.resolve(commands.map(() => ({ ok: true, value: "opened" } as const)));
    },
    configOf: () => CONFIG,
  }, () => {});
  const port = freePort(hostname);
  const server = await serveUdp(inbox, {
    instance: "default",
    hostname,
    port,
    receiveBufferBytes: 1 << 20,
    allows,
    onStranger: (address) => void strangers.push(address),
  });
  return {
    inbox,
    server,
    address: { transport: "udp", hostname, port },
    batches,
    strangers,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function freePort(hostname: string): number {
  using socket = bind(hostname);
  return (socket.addr as Deno.NetAddr).port;
}

function bind(hostname: string): Deno.DatagramConn & Disposable {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The next answers; fails if they do not come. */
async function receive(socket: Deno.DatagramConn, count: number): Promise<readonly string[]> {
  const answers: string[] = [];
  const timer = setTimeout(() => socket.close(), PATIENCE_MS);
  try {
    while (answers.length < count) {
      const [bytes] = await socket.receive();
      answers.push(String.fromCharCode(...bytes));
    }
  } finally {
    clearTimeout(timer);
  }
  return answers;
}

Deno.test("serveUdp() answers whoever asks, over IPv4 and IPv6", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    await using served = await serve(hostname);
    using peer = bind(hostname);
    await peer.send(bytesOf("c1 P"), served.address);
    assert.deepEqual(await receive(peer, 1), ["c1 P PONG"]);
    await peer.send(bytesOf(`c2 S ${FIELDS} call-1 `), served.address);
    assert.deepEqual(await receive(peer, 1), [`c2 S ${FIELDS} call-1 OK`]);
  }
});

Deno.test("serveUdp() does not answer what is no request, and goes on", async () => {
  await using served = await serve("127.0.0.1");
  using peer = bind("127.0.0.1");
  const noise = [new Uint8Array(), new Uint8Array(1400), bytesOf("c P PONG"), Uint8Array.of(0)];
  for (const bytes of noise) await peer.send(bytes, served.address);
  await peer.send(bytesOf("c1 P"), served.address);
  assert.deepEqual(await receive(peer, 1), ["c1 P PONG"]);
  assert.equal(served.inbox.counts.garbage, noise.length);
});

Deno.test("serveUdp() counts those who may not send commands, and does not answer them", async () => {
  let isAllowed = false;
  await using served = await serve("127.0.0.1", () => isAllowed);
  using peer = bind("127.0.0.1");
  for (let i = 0; i < 5; i++) await peer.send(bytesOf(`c S ${FIELDS} call-1 `), served.address);
  const deadline = performance.now() + PATIENCE_MS;
  while (served.strangers.length < 5) {
    assert.ok(performance.now() < deadline, "the datagrams did not arrive");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  isAllowed = true;
  await peer.send(bytesOf("c1 P"), served.address);
  assert.deepEqual(await receive(peer, 1), ["c1 P PONG"]);
  assert.deepEqual(served.batches, []);
  assert.equal(served.inbox.counts.stranger, 5);
  assert.deepEqual(served.strangers[0], { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) });
});

Deno.test("serveUdp() answers each one of a burst, in batches", async () => {
  await using served = await serve("127.0.0.1");
  assert.ok(served.server.receiveBufferBytes >= 1 << 17, "what the system grants anybody");
  using peer = bind("127.0.0.1");
  // No more answers than the peer's receive buffer holds.
  const requests = Array.from({ length: 240 }, (_, n) => `c${n} S ${FIELDS} call-${n} `);
  // All of them wait before the server gets its turn.
  const sent = requests.map((request) => peer.send(bytesOf(request), served.address));
  await Promise.all(sent);
  const answers = await receive(peer, requests.length);
  assert.deepEqual(answers.toSorted(), requests.map((request) => `${request}OK`).toSorted());
  assert.ok(served.batches.length < 100, `${served.batches.length} batches`);
});

Deno.test("serveUdp() outlives peers that are gone", async () => {
  await using served = await serve("127.0.0.1");
  for (let i = 0; i < 3; i++) {
    using gone = bind("127.0.0.1");
    await gone.send(bytesOf("c P"), served.address);
  }
  using peer = bind("127.0.0.1");
  await peer.send(bytesOf("c1 P"), served.address);
  assert.deepEqual(await receive(peer, 1), ["c1 P PONG"]);
});

/** Ask P again and again, each time with a new cookie; the answers that are missing. */
async function askThrough(address: Deno.NetAddr, during: () => Promise<void>): Promise<number> {
  using client = bind(address.hostname);
  let isOver = false;
  let answered = 0;
  let asked = 0;
  const reading = (async () => {
    for (;;) {
      const [bytes] = await client.receive();
      if (new TextDecoder().decode(bytes) === "last P PONG") return;
      answered++;
    }
  })();
  const asking = (async () => {
    while (!isOver) {
      // No more than the receive buffers hold.
      for (let n = 0; n < 20; n++) await client.send(bytesOf(`1_${asked++} P`), address);
      while (!isOver && answered < asked - 40) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  })();
  await during();
  isOver = true;
  await asking;
  await client.send(bytesOf("last P"), address);
  await reading;
  return asked - answered;
}

Deno.test("openUdp() takes over an address that another of our sockets holds a part of", async () => {
  const { address, inbox, server } = await serve("127.0.0.1");
  const options = {
    instance: "default",
    port: address.port,
    receiveBufferBytes: 1 << 20,
    allows: () => true,
    onStranger: () => {},
  };
  let serving = server;
  const missing = await askThrough(address, async () => {
    for (let n = 0; n < 20; n++) {
      const next = await openUdp(inbox, { ...options, hostname: n % 2 ? "127.0.0.1" : "0.0.0.0" });
      next.start();
      await serving[Symbol.asyncDispose]();
      serving = next;
    }
  });
  await serving[Symbol.asyncDispose]();
  assert.equal(missing, 0);
});

Deno.test("openUdp() answers what has come before it was started", async () => {
  const inbox = new Inbox({ handle: () => Promise.resolve([]), configOf: () => CONFIG }, () => {});
  const port = freePort("127.0.0.1");
  const limits = { receiveBufferBytes: 1 << 20, allows: () => true, onStranger: () => {} };
  await using server = await openUdp(inbox, {
    instance: "x",
    hostname: "127.0.0.1",
    port,
    ...limits,
  });
  using client = bind("127.0.0.1");
  await client.send(bytesOf("1_1 P"), { transport: "udp", hostname: "127.0.0.1", port });
  server.start();
  const [bytes] = await client.receive();
  assert.equal(new TextDecoder().decode(bytes), "1_1 P PONG");
});

Deno.test("serveUdp() tells of peers that send what is no request", async () => {
  const inbox = new Inbox({ handle: () => Promise.resolve([]), configOf: () => CONFIG }, () => {});
  const port = freePort("127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using _server = await serveUdp(inbox, {
    instance: "x",
    hostname: "127.0.0.1",
    port,
    receiveBufferBytes: 1 << 20,
    allows: () => true,
    onStranger: () => {},
    onGarbage: resolve,
  });
  using client = bind("127.0.0.1");
  await client.send(bytesOf("garbage"), { transport: "udp", hostname: "127.0.0.1", port });
  assert.deepEqual(await promise, { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) });
});
