import assert from "node:assert/strict";
import { Inbox } from "./inbox.ts";
import { removeDeadSocket, serveUnix } from "./unix.ts";

const FIELDS = "10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60";
const CONFIG = { startPort: 1, endPort: 2, currentPort: 1, internalIp: "", externalIp: "" };

interface Served extends AsyncDisposable {
  readonly path: string;
  readonly inbox: Inbox;
}

async function serve(): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "lrkproxy-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const inbox = new Inbox({
    handle: (commands) =>
      Promise.resolve(commands.map(() => ({ ok: true, value: "opened" } as const))),
    configOf: () => CONFIG,
  }, () => {});
  const path = `${folder}/control.sock`;
  stack.use(await serveUnix(inbox, { instance: "default", path, mode: 0o660 }));
  const owned = stack.move();
  return { path, inbox, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Say something and hear the answer until the other end closes. */
async function ask(path: string, parts: readonly string[]): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  const buffer = new Uint8Array(1024);
  let heard = "";
  for (const part of parts) {
    await connection.write(Uint8Array.from(part, (character) => character.charCodeAt(0)));
  }
  for (;;) {
    const length = await connection.read(buffer).catch(resetToEnd);
    if (length === null) return heard;
    heard += String.fromCharCode(...buffer.subarray(0, length));
  }
}

/** Closing before all has been read resets the connection. */
function resetToEnd(error: unknown): null {
  if (error instanceof Deno.errors.ConnectionReset) return null;
  throw error;
}

Deno.test("serveUnix() answers one request a connection, without a cookie", async () => {
  await using served = await serve();
  const request = `S ${FIELDS} call-1 `;
  assert.equal(await ask(served.path, ["P"]), "P PONG");
  assert.equal((await ask(served.path, ["G"])).length, 54);
  assert.equal(await ask(served.path, [request]), `${request}OK`);
  assert.equal(await ask(served.path, [`D ${FIELDS} call-1 `]), `D ${FIELDS} call-1 OK`);
});

Deno.test("serveUnix() puts a request together that comes in pieces", async () => {
  await using served = await serve();
  const request = `S ${FIELDS} call-1 `;
  assert.equal(await ask(served.path, [...request]), `${request}OK`);
});

Deno.test("serveUnix() closes on what makes no sense, and goes on", async () => {
  await using served = await serve();
  const [tooLong, ...silent] = await Promise.all([
    ask(served.path, ["x".repeat(300)]),
    // These might go on yet, so they are given a second.
    ask(served.path, ["S 1 2 3"]),
    ask(served.path, []),
  ]);
  assert.equal(tooLong, "");
  assert.ok(silent.every((heard) => heard === ""));
  assert.equal(await ask(served.path, ["P"]), "P PONG");
});

Deno.test("serveUnix() sets who may connect, and leaves no file", async () => {
  const served = await serve();
  const { mode } = await Deno.stat(served.path);
  assert.equal((mode ?? 0) & 0o777, 0o660);
  await served[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(served.path), Deno.errors.NotFound);
});

Deno.test("removeDeadSocket() removes what nobody serves, and nothing else", async () => {
  const served = await serve();
  await assert.rejects(removeDeadSocket(served.path), /another process serves it/);
  await served[Symbol.asyncDispose]();
  await removeDeadSocket(served.path);
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "lrkproxy-" });
  try {
    const dead = `${folder}/dead.sock`;
    await leaveSocket(dead);
    await removeDeadSocket(dead);
    await assert.rejects(Deno.stat(dead), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Leave a socket file behind as a killed process does. */
async function leaveSocket(path: string): Promise<void> {
  const moved = `${path}.live`;
  const listener = Deno.listen({ transport: "unix", path: moved });
  await Deno.link(moved, path).catch(() => Deno.rename(moved, path));
  listener.close();
}
