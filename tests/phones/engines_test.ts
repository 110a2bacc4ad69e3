import assert from "node:assert/strict";
import type { StatusView } from "../../src/control/admin.ts";
import { Namespace, type RelayNetwork } from "../../src/netns/namespaces.ts";
import { Daemon } from "../netns/daemon.ts";
import { until } from "../netns/until.ts";
import { A, B, type Call, checkMedia, hangUp, renegotiate, setUp } from "./calls.ts";
import { Phone } from "./phone.ts";
import { RealKamailio, type Version } from "./real_kamailio.ts";
import { audio } from "./sdp.ts";
import { phoneTests, sessionsOf, type World } from "./world.ts";

/*
 *   caller ── 10.10.2.0/24 ── second engine ── 192.0.3.0/24 ── callee
 *                                  │ 10.88.0.2
 *                                  │ control
 *                                  │ 10.88.0.1, the first engine and Kamailio
 */

let second: Daemon;

/** A second engine beside the first one, with addresses of its own. */
async function addEngine(net: RelayNetwork, stack: AsyncDisposableStack): Promise<void> {
  const place = stack.use(new Namespace("second"));
  link(net.caller, "10.10.2.10/24", place, "10.10.2.1/24");
  link(net.callee, "192.0.3.20/24", place, "192.0.3.1/24");
  link(net.relay, "10.88.0.1/24", place, "10.88.0.2/24");
  // The parties keep the addresses that they have in SDP.
  place.ip("route", "add", "10.10.1.0/24", "via", "10.10.2.10");
  place.ip("route", "add", "192.0.2.0/24", "via", "192.0.3.20");
  second = stack.use(
    new Daemon(place, {
      kernel: { internal_ip: "10.10.2.1", external_ip: "192.0.3.1" },
      "UDP socket": { socket_udp_host: "10.88.0.2", allow: "10.88.0.1/32" },
    }),
  );
  await second.start();
}

let links = 0;

function link(here: Namespace, address: string, there: Namespace, other: string): void {
  const [near, far] = [`to-${++links}`, `from-${links}`];
  const peer = ["type", "veth", "peer", "name", far, "netns", there.name];
  here.ip("link", "add", near, ...peer);
  here.ip("address", "add", address, "dev", near);
  there.ip("address", "add", other, "dev", far);
  here.ip("link", "set", near, "up");
  there.ip("link", "set", far, "up");
}

/** Media flow both ways, with both parties where they are and after both have moved. */
async function checkMoves(world: World, call: Call, n: number, relay: Daemon): Promise<void> {
  const { caller, callee } = world;
  const { callerRelay, calleeRelay } = call;
  const relays = { a: relay, b: relay };
  const flow = (a: number, b: number): Promise<void> =>
    checkMedia(world, call, { ...A, port: a }, { ...B, port: b }, relays);
  const [a, b, movedA, movedB] = [n, n + 100, n + 200, n + 300];
  await flow(a, b);
  const at = (place: typeof A | typeof B, port: number): string => audio({ ...place, port });
  const told = [
    await renegotiate([callee, call.callee, at(B, movedB)], [caller, call.caller, at(A, a)]),
    await renegotiate([caller, call.caller, at(A, movedA)], [callee, call.callee, at(B, movedB)]),
  ];
  assert.deepEqual(told, [
    { offered: callerRelay, answered: calleeRelay },
    { offered: calleeRelay, answered: callerRelay },
  ]);
  await flow(movedA, movedB);
}

phoneTests("with several engines", {
  "each call stays on its own, also after re-INVITEs": async (world) => {
    const { caller, callee, daemon } = world;
    const offer = (n: number): string => audio({ ...A, port: n });
    const answer = (n: number): string => audio({ ...B, port: n + 100 });
    const first = await setUp(world, offer(6000), answer(6000));
    assert.equal(first.calleeRelay.split(":")[0], "192.0.2.1");
    assert.equal((await daemon.cli("drain", "--no-wait", "--ring", "0")).code, 0);
    const other = await setUp(world, offer(8000), answer(8000));
    assert.equal(other.calleeRelay.split(":")[0], "192.0.3.1");
    assert.equal(other.callerRelay.split(":")[0], "10.10.2.1");
    await checkMoves(world, first, 6000, daemon);
    await checkMoves(world, other, 8000, second);
    await hangUp(callee, other.callee, caller);
    await until(
      "the second engine has no session",
      async () => (await sessionsOf(second)).length === 0,
    );
    const { status } = await daemon.json<{ status: StatusView }>("status");
    assert.equal(status.sessions.active, 1);
    await hangUp(caller, first.caller, callee);
    assert.equal(await daemon.ended(), 0);
    await daemon.start();
  },
}, {
  prepare: addEngine,
  ini: { "UDP socket": { allow: "127.0.0.0/8, 10.88.0.1/32" } },
  defines: [
    'CONTROL="udp:127.0.0.1:8080 udp:10.88.0.2:8080"',
    'ENGINES="10.10.1.1 192.0.2.1 127.0.0.1:8080;10.10.2.1 192.0.3.1 10.88.0.2:8080"',
  ],
  edit: (text) => text.replace("udp:127.0.0.1:5061", "udp:10.88.0.1:5061"),
});

/*
 *   caller ── first Kamailio and engine ── second Kamailio and engine ── callee
 *             10.10.1.1       10.50.0.1    10.50.0.2       192.0.3.1
 */

/** What the first of two Kamailios is configured to be; it sends calls to the second. */
function first(text: string): string {
  const next = 't_on_failure("NEW_CALL_FAILED");\n#!ifdef FORK_TO';
  return text.replaceAll("192.0.2.1", "10.50.0.1")
    .replace(next, `$du = "sip:10.50.0.2:5060";\n\t${next}`);
}

/** The second one: the same file with its own addresses. */
function following(text: string): string {
  return text.replaceAll("10.10.1.1", "10.50.0.2").replaceAll("192.0.2.1", "192.0.3.1");
}

/** A second Kamailio with an engine of its own behind the first. */
async function addKamailio(
  net: RelayNetwork,
  stack: AsyncDisposableStack,
  version: Version,
): Promise<void> {
  const place = stack.use(new Namespace("second"));
  link(net.relay, "10.50.0.1/24", place, "10.50.0.2/24");
  link(net.callee, "192.0.3.20/24", place, "192.0.3.1/24");
  place.ip("route", "add", "192.0.2.0/24", "via", "192.0.3.20");
  second = stack.use(
    new Daemon(place, { kernel: { internal_ip: "10.50.0.2", external_ip: "192.0.3.1" } }),
  );
  await second.start();
  const kamailio = stack.use(new RealKamailio(place, version, { edit: following }));
  await kamailio.start();
}

phoneTests("behind another Kamailio with the same file", {
  "each manages its own part of a call, also in re-INVITEs": async (world) => {
    const { caller } = world;
    const callee = world.use(new Phone(world.net.callee, "192.0.2.66", "192.0.3.1"));
    const at = { ip: "192.0.2.66", port: 7000 };
    const call = await setUp({ caller, callee }, audio(A), audio(at));
    assert.equal(call.callerRelay.split(":")[0], "10.10.1.1");
    assert.equal(call.calleeRelay.split(":")[0], "192.0.3.1");
    const relays = { a: world.daemon, b: second };
    await checkMedia(world, call, A, at, relays);
    const [movedA, movedB] = [{ ...A, port: 6800 }, { ...at, port: 7800 }];
    const told = [
      await renegotiate(
        [callee, call.callee, audio(movedB)],
        [caller, call.caller, audio(A)],
      ),
      await renegotiate(
        [caller, call.caller, audio(movedA)],
        [callee, call.callee, audio(movedB)],
      ),
    ];
    const { callerRelay, calleeRelay } = call;
    assert.deepEqual(told, [
      { offered: callerRelay, answered: calleeRelay },
      { offered: calleeRelay, answered: callerRelay },
    ]);
    await checkMedia(world, call, movedA, movedB, relays);
    await hangUp(caller, call.caller, callee);
    await until(
      "the second engine has no session",
      async () => (await sessionsOf(second)).length === 0,
    );
  },
}, {
  prepare: addKamailio,
  ini: { kernel: { external_ip: "10.50.0.1" } },
  edit: first,
});

phoneTests("beside another proxy", {
  "a BYE whose Route is the other's ends nothing here": async (world) => {
    const { caller, callee } = world;
    const proxy = world.use(new Phone(world.net.callee, "192.0.2.67", "192.0.2.1"));
    const call = await setUp(world, audio(A), audio(B));
    const foreign = { ...call.caller, route: ["<sip:192.0.2.67;lr>"] };
    await hangUp(caller, foreign, proxy);
    await checkMedia(world, call);
    await hangUp(callee, call.callee, caller);
  },
  "a re-INVITE whose Route is the other's passes as it is": async (world) => {
    const { caller, callee } = world;
    const proxy = world.use(new Phone(world.net.callee, "192.0.2.67", "192.0.2.1"));
    const call = await setUp(world, audio(A), audio(B));
    const [port = ""] = call.calleeRelay.split(":").slice(1);
    const foreign = `<sip:192.0.2.67;lr;lrk=${port}-192.0.2.1>`;
    const moved = audio({ ...A, port: 6900 });
    const request = await caller.request(
      { ...call.caller, route: [foreign] },
      "INVITE",
      { body: moved },
    );
    const came = await proxy.awaitRequest("INVITE");
    assert.equal(came.body, moved);
    await proxy.reply(came, 200, { body: audio(B) });
    const response = await caller.awaitFinal(request);
    assert.equal(response.body, audio(B));
    const [session] = await world.sessions();
    assert.equal(session?.caller.signalled, "10.10.1.10:6000");
    await hangUp(caller, call.caller, callee);
  },
});
