import assert from "node:assert/strict";
import { generate, readGolden } from "../../../tests/golden/generators.ts";
import {
  callee,
  caller,
  flow,
  HOSTILE_CALL_ID,
  SESSIONS,
  sessionView,
} from "../../../tests/golden/views.ts";
import { reportText, sessionsText } from "./sessions.ts";

const PRINTABLE = /^[\x20-\x7e\n]*$/;

Deno.test("sessionsText() and reportText() are the golden files", () => {
  for (const name of ["sessions.txt", "show.txt"]) {
    assert.equal(generate(name), readGolden(name), name);
  }
});

Deno.test("sessionsText() says so when there are none", () => {
  assert.equal(sessionsText([]), "No sessions.\n");
});

Deno.test("sessionsText() tells from where a party is heard", () => {
  const heard = { packets: 5, bytes: 500, ageSeconds: 1 };
  const expectations: readonly (readonly [ReturnType<typeof flow>, string])[] = [
    [flow({ source: "10.10.1.10:6000" }), "the same"],
    [flow({ source: "10.10.1.10:41234" }), "10.10.1.10:41234"],
    [flow({ source: null, latch: "open", ...heard }), "any port"],
    [flow({ source: null, latch: "open", packets: 0, bytes: 0, ageSeconds: null }), "-"],
  ];
  for (const [rtp, expected] of expectations) {
    const [, row = ""] = sessionsText([sessionView({ caller: caller({ rtp }) })]).split("\n");
    assert.equal(row.split(/ {2,}/)[6], expected);
  }
});

Deno.test("sessionsText() gives the age of the later of RTP and RTCP", () => {
  const party = callee({ rtp: flow({ ageSeconds: 9 }), rtcp: flow({ ageSeconds: 2 }) });
  assert.match(sessionsText([sessionView({ callee: party })]), /callee .* 2\.0 s ago\n$/);
});

Deno.test("sessionsText() keeps a Call-ID's control characters from the terminal", () => {
  assert.ok(SESSIONS.some(({ callId }) => callId === HOSTILE_CALL_ID));
  assert.match(sessionsText(SESSIONS), PRINTABLE);
});

Deno.test("reportText() keeps a Call-ID's control characters from the terminal", () => {
  const session = sessionView({ callId: HOSTILE_CALL_ID });
  assert.match(reportText({ session, strangers: [], loss: [], ways: [], findings: [] }), PRINTABLE);
});

Deno.test("reportText() says of nothing that it passes, or is forwarded, beside what keeps it from that", () => {
  const claims = [
    "The caller is heard, and what it sends is forwarded by the relay. Whether it arrives is not seen here.",
  ];
  const passes =
    "This machine's addresses, settings, routes and firewalls let the call's RTP pass.";
  const said = (findings: readonly string[], machine: readonly string[]): readonly string[] =>
    reportText({ session: sessionView(), strangers: [], loss: [], ways: [], findings }, machine)
      .split("\n").filter((line) => line.startsWith("=> "))
      .map((line) => line.slice(3));
  assert.deepEqual(said(claims, [passes]), [passes, ...claims]);
  const look =
    "Before the callee is blamed: sudo lrkproxy doctor looks at firewalls and routes of this machine.";
  assert.deepEqual(said([look], []), [look]);
  assert.deepEqual(said([look], [passes]), [passes]);
  const drop = "This machine: table inet fw, chain forward drops media";
  assert.deepEqual(said(claims, [drop]), [drop]);
  // That is of calls to come.
  const former =
    'This machine: Kamailio still gives out 10.10.1.1, which instance "default" had before a reload';
  assert.deepEqual(said([former, ...claims], [passes]), [passes, former, ...claims]);
  const silent = "Nothing reaches the callee: 192.0.2.20 on outside does not answer ARP.";
  assert.deepEqual(said([silent], [passes]), [silent]);
});

Deno.test("reportText() names the file in a cure where it is not the usual one", () => {
  const session = sessionView();
  const findings = ["This machine: it is wrong. Cure: lrkproxy reload, and restart Kamailio"];
  const report = { session, strangers: [], loss: [], ways: [], findings };
  assert.match(reportText(report, [], "/x.ini"), /Cure: lrkproxy reload --config \/x\.ini, and/);
  assert.match(reportText(report), /Cure: lrkproxy reload, and/);
});
