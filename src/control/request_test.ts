import assert from "node:assert/strict";
import fc from "fast-check";
import { callFields } from "../../tests/support/world.ts";
import { MAX_REQUEST, parseRequest } from "./request.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const FIELDS = "10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60 call-1 ";
const NONE = { verb: "none" };

Deno.test("parseRequest() reads every verb, with a cookie and without", () => {
  const cookie = "-1187339244_3448787416";
  const fields = callFields();
  const cases = [
    ["P", { verb: "P" }],
    ["G", { verb: "G" }],
    [`S ${FIELDS}`, { verb: "S", fields }],
    [`D ${FIELDS}`, { verb: "D", fields }],
    // A person's netcat ends its line.
    ["P\n", { verb: "P" }],
    ["G\r\n", { verb: "G" }],
  ] as const;
  for (const [body, expected] of cases) {
    assert.deepEqual(parseRequest(bytesOf(`${cookie} ${body}`), "cookie"), { ...expected, cookie });
    assert.deepEqual(parseRequest(bytesOf(body), "bare"), { ...expected, cookie: "" });
  }
});

Deno.test("parseRequest() keeps empty fields in their place", () => {
  const early = parseRequest(
    bytesOf("C D 10.10.1.10 192.0.2.1   6000 20000   60 cancel-before-answer-1 "),
    "cookie",
  );
  assert.deepEqual(early, {
    verb: "D",
    cookie: "C",
    fields: callFields({
      snatIp: "",
      dnatIp: "",
      snatPort: "",
      dnatPort: "",
      callId: "cancel-before-answer-1",
    }),
  });
  const blank = parseRequest(
    bytesOf("C S 10.10.1.10   192.0.2.20 6000 0 2 7000 60 cid "),
    "cookie",
  );
  assert.ok(blank.verb === "S");
  assert.deepEqual([blank.fields.dstIp, blank.fields.snatIp, blank.fields.callId], ["", "", "cid"]);
});

Deno.test("parseRequest() takes Call-IDs and addresses of any bytes but a space", () => {
  const odd = [
    "S_D_P_%20~!'*+",
    `<weird>"x"(y)`,
    "x{y}[z]?/:\\\\",
    "OK",
    "\u0000",
    "\u00ff\u0080",
    "\n",
  ];
  for (const callId of odd) {
    const request = parseRequest(bytesOf(`C S ${FIELDS.replace("call-1", callId)}`), "cookie");
    assert.equal(request.verb === "S" && request.fields.callId, callId);
  }
  const garbled = parseRequest(
    bytesOf(`C S ${FIELDS.replace("10.10.1.10", "10.1\u00000")}`),
    "cookie",
  );
  assert.equal(garbled.verb === "S" && garbled.fields.srcIp, "10.1\u00000");
});

Deno.test("parseRequest() calls bad what waits for an answer and makes no sense", () => {
  const bodies = [
    "S",
    "D",
    "S ",
    `S ${FIELDS.trimEnd()}`,
    `S ${FIELDS} `,
    `S ${FIELDS}x`,
    `S ${FIELDS.replace("call-1", "call 1")}`,
    `S  ${FIELDS}`,
    "X",
    `X ${FIELDS}`,
    "Z ",
  ];
  for (const body of bodies) {
    assert.deepEqual(
      parseRequest(bytesOf(`C ${body}`), "cookie"),
      { verb: "bad", cookie: "C" },
      body,
    );
  }
});

Deno.test("parseRequest() finds no request in what is none, or is an answer gone astray", () => {
  const texts = [
    "",
    " ",
    "C",
    "C ",
    " P",
    "P",
    "C p",
    "C s 1 2 3",
    "C SS ",
    "C PONG",
    "C P PONG",
    `C G ${"\u0000".repeat(52)}`,
    `C S ${FIELDS}OK`,
    `C D ${FIELDS}ER`,
    "C\u0000 P",
    "C\u00e9 P",
    `${"c".repeat(65)} P`,
    `C S ${"x".repeat(MAX_REQUEST)}`,
  ];
  for (const text of texts) {
    assert.deepEqual(parseRequest(bytesOf(text), "cookie"), NONE, JSON.stringify(text));
  }
  assert.deepEqual(parseRequest(bytesOf("C P"), "bare").verb, "bad", "no cookie on a UNIX stream");
});

Deno.test("parseRequest() takes requests as long as Kamailio can read an answer to", () => {
  const head = "C S ";
  const pad = MAX_REQUEST - head.length - FIELDS.length;
  const longest = `${head}${FIELDS.replace("call-1", `call-1${"x".repeat(pad)}`)}`;
  assert.equal(longest.length, MAX_REQUEST);
  assert.equal(parseRequest(bytesOf(longest), "cookie").verb, "S");
  assert.equal(parseRequest(bytesOf(`${longest} `), "cookie").verb, "none");
});

Deno.test("parseRequest() has an answer to any bytes", () => {
  const verbs = ["P", "G", "S", "D", "bad", "none"];
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.constantFrom("C", " ", "S", "D", "P", "G", "0.0.0.0", "1", "\u0000", "\n", "OK"), {
      maxLength: 30,
    })
      .map((parts) => bytesOf(parts.join(""))),
  );
  fc.assert(
    fc.property(anything, fc.constantFrom("cookie", "bare"), (bytes, framing) => {
      assert.ok(verbs.includes(parseRequest(bytes, framing).verb));
    }),
    { numRuns: 10_000 },
  );
});
