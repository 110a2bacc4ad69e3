import assert from "node:assert/strict";
import { endpoint } from "../../tests/support/world.ts";
import { makeSession } from "../../tests/contract/rig.ts";
import { lockedTo } from "./latch.ts";
import {
  FLOW_NAMES,
  flowIndexOf,
  flowKeysOf,
  flowOf,
  FLOWS,
  flowsOf,
  hasIdentity,
  identityOf,
  identityText,
  type Session,
  withLatch,
} from "./session.ts";

function shape(session: Session): readonly (string | null)[] {
  const text = ({ address, port }: { address: number; port: number }): string =>
    `${address & 255}:${port}`;
  return flowsOf(session).map((flow) => {
    if (!flow) return null;
    const { key: { remote, local }, rewrite } = flow;
    const out = rewrite ? `${text(rewrite.source)} > ${text(rewrite.destination)}` : "held";
    return `${remote & 255} > ${text(local)} => ${out}`;
  });
}

Deno.test("flowsOf() crosses the legs, RTCP one port up", () => {
  assert.deepEqual(shape(makeSession()), [
    "10 > 1:20002 => 1:20000 > 20:7000",
    "10 > 1:20003 => 1:20001 > 20:7001",
    "20 > 1:20000 => 1:20002 > 10:6000",
    "20 > 1:20001 => 1:20003 > 10:6001",
  ]);
});

Deno.test("flowsOf() sends to the port that a party was heard from", () => {
  let session = makeSession();
  for (const index of FLOWS) session = withLatch(session, index, lockedTo(40000 + index));
  assert.deepEqual(shape(session), [
    "10 > 1:20002 => 1:20000 > 20:40002",
    "10 > 1:20003 => 1:20001 > 20:40003",
    "20 > 1:20000 => 1:20002 > 10:40000",
    "20 > 1:20001 => 1:20003 > 10:40001",
  ]);
});

Deno.test("flowsOf() sends a party on hold nothing, and expects nothing of one without address", () => {
  const held = { remote: endpoint("192.0.2.20:0"), local: endpoint("192.0.2.1:20000") };
  assert.deepEqual(shape(makeSession({ b: held })), [
    "10 > 1:20002 => held",
    "10 > 1:20003 => held",
    "20 > 1:20000 => 1:20002 > 10:6000",
    "20 > 1:20001 => 1:20003 > 10:6001",
  ]);
  const away = { ...held, remote: endpoint("0.0.0.0:7000") };
  assert.deepEqual(shape(makeSession({ b: away })), [
    "10 > 1:20002 => held",
    "10 > 1:20003 => held",
    null,
    null,
  ]);
});

Deno.test("flowIndexOf() and flowKeysOf() agree with flowsOf()", () => {
  const local = endpoint("10.10.1.1:20000");
  const sessions = [
    makeSession(),
    makeSession({ a: { ...makeSession().a, local }, b: { ...makeSession().b, local } }),
    makeSession({ a: { remote: endpoint("0.0.0.0:0"), local } }),
  ];
  for (const session of sessions) {
    const flows = flowsOf(session).filter((flow) => flow !== null);
    assert.deepEqual(flowKeysOf(session), flows.map(({ key }) => key));
    for (const index of FLOWS) {
      const flow = flowOf(session, index);
      if (flow) assert.equal(flowIndexOf(session, flow.key), index, FLOW_NAMES[index]);
    }
    const stranger = { remote: 1, local: session.a.local };
    assert.equal(flowIndexOf(session, stranger), null);
  }
});

Deno.test("a session's identity is its instance, Call-ID and relay ports", () => {
  const session = makeSession();
  const { a, b } = session;
  const others = [
    { ...session, instance: "y" },
    { ...session, callId: "other" },
    { ...session, a: { ...a, local: { ...a.local, port: a.local.port + 2 } } },
    { ...session, b: { ...b, local: { ...b.local, port: b.local.port + 2 } } },
    { ...session, a: { ...a, local: b.local }, b: { ...b, local: a.local } },
  ];
  assert.equal(new Set([session, ...others].map(identityText)).size, 1 + others.length);
  for (const other of others) assert.equal(hasIdentity(other, identityOf(session)), false);
  const moved = makeSession({ b: { ...b, remote: endpoint("192.0.2.21:7100") } });
  assert.ok(hasIdentity(moved, identityOf(session)));
  assert.equal(identityText(moved), identityText(session));
});
