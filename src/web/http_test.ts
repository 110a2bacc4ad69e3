import assert from "node:assert/strict";
import fc from "fast-check";
import { answerTo, type PageSources } from "./health.ts";
import { headLength, parseHead, responseBytes } from "./http.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (each: Uint8Array): string => new TextDecoder().decode(each);

Deno.test("headLength() finds the empty line, with or without carriage returns", () => {
  const cases = [
    ["", -1],
    ["GET / HTTP/1.1\r\n", -1],
    ["GET / HTTP/1.1\r\nA: b\r\n", -1],
    ["GET / HTTP/1.1\r\n\r", -1],
    ["GET / HTTP/1.1\r\n\r\n", 18],
    ["GET / HTTP/1.1\n\nmore", 16],
    ["GET / HTTP/1.1\r\nA: b\r\n\r\nmore", 24],
  ] as const;
  for (const [text, length] of cases) assert.equal(headLength(bytes(text)), length, text);
});

Deno.test("parseHead() takes method and path, and nothing that is no request", () => {
  const cases = [
    ["GET /metrics HTTP/1.1\r\n\r\n", { method: "GET", path: "/metrics" }],
    ["HEAD /readyz?a=b HTTP/1.0\n\n", { method: "HEAD", path: "/readyz" }],
    ["GET /metrics\r\n\r\n", null],
    ["GET http://x/ HTTP/1.1\r\n\r\n", null],
    ["GET /a b HTTP/1.1\r\n\r\n", null],
    ["get / HTTP/1.1\r\n\r\n", null],
    ["GET / HTTP/2.0\r\n\r\n", null],
    ["", null],
  ] as const;
  for (const [head, expected] of cases) assert.deepEqual(parseHead(head), expected, head);
});

Deno.test("parseHead() and headLength() answer any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
    const end = headLength(any);
    assert.ok(end === -1 || end <= any.length);
    parseHead(textOf(any));
  }));
});

Deno.test("responseBytes() tells the length in bytes, and sends no body to HEAD", () => {
  const response = { status: 200, type: "text/plain", body: "päge\n" } as const;
  const text = textOf(responseBytes(response, "GET"));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*Content-Length: 6\r\n(.*\r\n)*\r\npäge\n$/);
  assert.equal(textOf(responseBytes(response, "HEAD")), text.replace("päge\n", ""));
});

const WELL: PageSources = { metrics: () => Promise.resolve("m 1\n"), notReady: () => null };

Deno.test("answerTo() has three pages for GET and HEAD", async () => {
  const drained: PageSources = { ...WELL, notReady: () => "draining" };
  const cases = [
    ["GET", "/metrics", WELL, 200, "m 1\n"],
    ["HEAD", "/metrics", WELL, 200, "m 1\n"],
    ["GET", "/healthz", WELL, 200, "ok\n"],
    ["GET", "/healthz", drained, 200, "ok\n"],
    ["GET", "/readyz", WELL, 200, "ok\n"],
    ["GET", "/readyz", drained, 503, "draining\n"],
    ["GET", "/", WELL, 404, "There are /metrics, /healthz and /readyz\n"],
    ["GET", "/metrics/x", WELL, 404, "There are /metrics, /healthz and /readyz\n"],
    ["POST", "/metrics", WELL, 405, "Only GET and HEAD are answered\n"],
  ] as const;
  for (const [method, path, sources, status, body] of cases) {
    const answer = await answerTo({ method, path }, sources);
    assert.deepEqual([answer.status, answer.body], [status, body], `${method} ${path}`);
  }
  assert.equal((await answerTo(null, WELL)).status, 400);
});
