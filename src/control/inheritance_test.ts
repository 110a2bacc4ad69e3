import assert from "node:assert/strict";
import { libc, systemError } from "../base/libc.ts";
import { Inbox } from "./inbox.ts";
import { Inheritance } from "./inheritance.ts";
import { serveUdp, type UdpServer } from "./udp.ts";
import { serveUnix, type UnixServer } from "./unix.ts";

const FIELDS = "10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60";
const CONFIG = { startPort: 1, endPort: 2, currentPort: 1, internalIp: "", externalIp: "" };
const PATIENCE_MS = 5000;
const F_DUPFD_CLOEXEC = 1030;

/** What a supervisor does: the socket stays open when its server is gone. */
function keep({ fd }: { readonly fd: number }): number {
  const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw systemError("duplicate a control socket");
  return copy;
}

function newInbox(): Inbox {
  return new Inbox({
    handle: (commands) =>
      Promise.resolve(commands.map(() => ({ ok: true, value: "opened" } as const))),
    configOf: () => CONFIG,
  }, () => {});
}

async function serveAt(
  hostname: string,
  port: number,
  kept: readonly number[] = [],
): Promise<UdpServer> {
  const inheritance = new Inheritance(kept);
  const server = await serveUdp(newInbox(), {
    instance: "default",
    hostname,
    port,
    receiveBufferBytes: 1 << 20,
    allows: () => true,
    onStranger: () => {},
    inheritance,
    isKept: true,
  });
  inheritance.closeRest();
  return server;
}

function freePort(hostname: string): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

/** A worker that asks once and fails if no answer comes. */
class Worker implements Disposable {
  readonly #socket: Deno.DatagramConn;
  readonly #to: Deno.NetAddr;

  constructor(hostname: string, port: number) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#to = { transport: "udp", hostname, port };
  }

  async send(text: string): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(text), this.#to);
  }

  async hear(): Promise<string> {
    const timer = setTimeout(() => this.#socket.close(), PATIENCE_MS);
    try {
      const [bytes] = await this.#socket.receive();
      return new TextDecoder().decode(bytes);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#socket.close();
    } catch {
      // It was closed for hearing nothing.
    }
  }
}

Deno.test("serveUdp() answers what was asked while nobody served a kept socket", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const port = freePort(hostname);
    const first = await serveAt(hostname, port);
    const kept = keep(first);
    await first[Symbol.asyncDispose]();
    using worker = new Worker(hostname, port);
    const requests = Array.from({ length: 100 }, (_, n) => `c${n} S ${FIELDS} call-${n} `);
    for (const request of requests) await worker.send(request);
    await using _second = await serveAt(hostname, port, [kept]);
    const answers: string[] = [];
    while (answers.length < requests.length) answers.push(await worker.hear());
    assert.deepEqual(answers.toSorted(), requests.map((request) => `${request}OK`).toSorted());
  }
});

Deno.test("serveUdp() answers from the address that was asked, also what waited in a kept socket", async () => {
  const cases = [["0.0.0.0", "127.0.0.1", "127.0.0.7"], ["::", "127.0.0.1", "127.0.0.7"], [
    "::",
    "::1",
    "::1",
  ]] as const;
  for (const [hostname, from, asked] of cases) {
    const port = freePort(hostname);
    const client = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
    const ask = (text: string): Promise<number> =>
      client.send(new TextEncoder().encode(text), { transport: "udp", hostname: asked, port });
    const answeredFrom = async (): Promise<string> => {
      const [, source] = await client.receive();
      return (source as Deno.NetAddr).hostname;
    };
    try {
      const first = await serveAt(hostname, port);
      const kept = keep(first);
      await ask("1_1 P");
      assert.equal(await answeredFrom(), asked, hostname);
      await first[Symbol.asyncDispose]();
      await ask("1_2 P");
      await using _second = await serveAt(hostname, port, [kept]);
      assert.equal(await answeredFrom(), asked, `${hostname}, kept`);
    } finally {
      client.close();
    }
  }
});

Deno.test("serveUdp() loses no request while one server follows another under load", async () => {
  const port = freePort("127.0.0.1");
  let server = await serveAt("127.0.0.1", port);
  let isOver = false;
  const load = async (name: number): Promise<number> => {
    using worker = new Worker("127.0.0.1", port);
    let asked = 0;
    for (; !isOver; asked++) {
      await worker.send(`${name}_${asked} P`);
      // Whoever is not answered waits here until the test fails.
      assert.equal(await worker.hear(), `${name}_${asked} P PONG`);
    }
    return asked;
  };
  const workers = [1, 2, 3, 4].map(load);
  for (let n = 0; n < 20; n++) {
    const kept = keep(server);
    await server[Symbol.asyncDispose]();
    server = await serveAt("127.0.0.1", port, [kept]);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  isOver = true;
  const asked = await Promise.all(workers);
  await server[Symbol.asyncDispose]();
  assert.ok(asked.every((requests) => requests > 20), asked.join());
});

Deno.test("serveUdp() lets nobody else join the address after a handover", async () => {
  const port = freePort("127.0.0.1");
  const join = (): Deno.DatagramConn =>
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port, reuseAddress: true });
  const first = await serveAt("127.0.0.1", port);
  const kept = keep(first);
  await first[Symbol.asyncDispose]();
  assert.throws(join, Deno.errors.AddrInUse);
  await using second = await serveAt("127.0.0.1", port, [kept]);
  assert.throws(join, Deno.errors.AddrInUse);
  assert.ok(second.fd > 2);
});

Deno.test("serveUdp() takes the address of several that were left by daemons killed in between", async () => {
  const port = freePort("127.0.0.1");
  const first = await serveAt("127.0.0.1", port);
  const kept = [keep(first)];
  await first[Symbol.asyncDispose]();
  using early = new Worker("127.0.0.1", port);
  await early.send("c1 P");
  const spare = keep({ fd: kept[0] ?? -1 });
  const second = await serveAt("127.0.0.1", port, [spare]);
  assert.equal(await early.hear(), "c1 P PONG");
  kept.push(keep(second));
  await second[Symbol.asyncDispose]();
  await early.send("c2 P");
  await using _third = await serveAt("127.0.0.1", port, kept);
  assert.equal(await early.hear(), "c2 P PONG");
});

Deno.test("Inheritance closes a socket whose address is not served any more", async () => {
  const [old, now] = [freePort("127.0.0.1"), freePort("127.0.0.1")];
  const first = await serveAt("127.0.0.1", old);
  const kept = keep(first);
  await first[Symbol.asyncDispose]();
  await using _second = await serveAt("127.0.0.1", now, [kept]);
  const again = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: old });
  again.close();
});

async function withFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "lrkproxy-" });
  try {
    await test(`${folder}/control.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function listenAt(path: string, kept: readonly number[] = []): Promise<UnixServer> {
  const inheritance = new Inheritance(kept);
  return serveUnix(newInbox(), {
    instance: "default",
    path,
    mode: 0o660,
    inheritance,
    isKept: true,
  });
}

async function heard(connection: Deno.UnixConn): Promise<string> {
  const text = await new Response(connection.readable).text();
  return text;
}

async function asking(path: string, request: string): Promise<Deno.UnixConn> {
  const connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(request));
  return connection;
}

Deno.test("serveUnix() answers those who connected while nobody served a kept socket", async () => {
  await withFolder(async (path) => {
    let server = await listenAt(path);
    // Several times, since the socket of a successor is bound to another name at first.
    for (let n = 0; n < 3; n++) {
      const kept = keep(server);
      await server[Symbol.asyncDispose]();
      const request = `S ${FIELDS} call-${n} `;
      const whole = await asking(path, request);
      const slow = await asking(path, request.slice(0, 20));
      server = await listenAt(path, [kept]);
      assert.equal(await heard(whole), `${request}OK`);
      await slow.write(new TextEncoder().encode(request.slice(20)));
      assert.equal(await heard(slow), `${request}OK`);
      assert.equal(await heard(await asking(path, "P")), "P PONG");
      const { mode } = await Deno.stat(path);
      assert.equal((mode ?? 0) & 0o777, 0o660);
    }
    await server[Symbol.asyncDispose]();
  });
});

Deno.test("serveUnix() closes a waiting connection that says nothing", async () => {
  await withFolder(async (path) => {
    const first = await listenAt(path);
    const kept = keep(first);
    await first[Symbol.asyncDispose]();
    const silent = await Deno.connect({ transport: "unix", path });
    await using _second = await listenAt(path, [kept]);
    assert.equal(await heard(silent), "");
  });
});

Deno.test("serveUnix() refuses nobody while one server follows another under load", async () => {
  await withFolder(async (path) => {
    let server = await listenAt(path);
    let isOver = false;
    const load = async (): Promise<number> => {
      let asked = 0;
      for (; !isOver; asked++) assert.equal(await heard(await asking(path, "P")), "P PONG");
      return asked;
    };
    const workers = [1, 2].map(load);
    for (let n = 0; n < 10; n++) {
      const kept = keep(server);
      await server[Symbol.asyncDispose]();
      server = await listenAt(path, [kept]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    isOver = true;
    const asked = await Promise.all(workers);
    await server[Symbol.asyncDispose]();
    assert.ok(asked.every((requests) => requests > 10), asked.join());
  });
});
