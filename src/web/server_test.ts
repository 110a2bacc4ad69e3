import assert from "node:assert/strict";
import type { PageSources } from "./health.ts";
import { serveWeb, type WebServer } from "./server.ts";

const PAGE = "m 1\n".repeat(100_000);
const WELL: PageSources = { metrics: () => Promise.resolve(PAGE), notReady: () => null };
const LISTEN = { host: "127.0.0.1", port: 0 };

async function connect(server: WebServer): Promise<Deno.TcpConn> {
  const [hostname = "", port] = server.address.split(":");
  return await Deno.connect({ hostname, port: Number(port) });
}

/** All that comes back for these bytes, until the server closes; a reset ends it as well. */
async function exchange(server: WebServer, text: string): Promise<string> {
  const connection = await connect(server);
  await connection.write(new TextEncoder().encode(text));
  return await readAll(connection);
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  try {
    return await new Response(connection.readable).text();
  } catch {
    return "reset";
  }
}

Deno.test("serveWeb() sends a large page whole", async () => {
  await using server = serveWeb(LISTEN, WELL);
  const text = await exchange(server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal(text.split("\r\n\r\n")[1]?.length, 400_000);
});

Deno.test("serveWeb() answers what is no request, and a page that fails", async () => {
  const broken: PageSources = {
    ...WELL,
    metrics: () => Promise.reject(new Error("no numbers")),
  };
  await using server = serveWeb(LISTEN, broken);
  assert.match(await exchange(server, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await exchange(server, "x".repeat(8192)), /^HTTP\/1\.1 400 /);
  const failed = await exchange(server, "GET /metrics HTTP/1.1\r\n\r\n");
  assert.match(failed, /^HTTP\/1\.1 500 [^]*\r\n\r\nno numbers\n$/);
});

Deno.test("serveWeb() closes on clients that neither ask nor read", async () => {
  await using server = serveWeb(LISTEN, WELL, 100);
  const silent = await connect(server);
  assert.equal(await readAll(silent), "");
  const deaf = await connect(server);
  for (let n = 0; n < 2; n++) {
    await deaf.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\n"));
  }
  assert.equal(await readAll(deaf), "");
});

Deno.test("serveWeb() serves a few at a time, and the next when one is done", async () => {
  await using server = serveWeb(LISTEN, WELL, 30_000);
  const waiting = await Promise.all(Array.from({ length: 8 }, () => connect(server)));
  assert.doesNotMatch(await exchange(server, "GET /healthz HTTP/1.1\r\n\r\n"), /200/);
  const [first, ...others] = waiting;
  first?.close();
  const endMs = performance.now() + 5000;
  while (!(await exchange(server, "GET /healthz HTTP/1.1\r\n\r\n")).includes("200 OK")) {
    assert.ok(performance.now() < endMs, "nobody is served");
  }
  for (const each of others) each.close();
});

Deno.test("serveWeb() ends its connections when it ends, and removes its socket file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/web.sock`;
  const server = serveWeb({ path, mode: 0o640 }, WELL);
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o640);
  using connection = await Deno.connect({ transport: "unix", path });
  await server[Symbol.asyncDispose]();
  assert.equal(await connection.read(new Uint8Array(1)).catch(() => null), null);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  await Deno.remove(folder);
});
