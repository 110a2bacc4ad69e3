import assert from "node:assert/strict";
import type { Daemon } from "../netns/daemon.ts";
import { until } from "../netns/until.ts";
import type { Dialog, Phone } from "./phone.ts";
import { destinations } from "./sdp.ts";
import type { Message } from "./sip.ts";
import { assertBothWays, sessionsOf, type World } from "./world.ts";

/** A call that is up. */
export interface Call {
  readonly caller: Dialog;
  readonly callee: Dialog;
  /** Where the caller is told to send to, and the callee. */
  readonly callerRelay: string;
  readonly calleeRelay: string;
}

/** Addresses and ports that the tests' SDP usually names. */
export const A = { ip: "10.10.1.10", port: 6000 } as const;
export const B = { ip: "192.0.2.20", port: 7000 } as const;

/** Where the only stream that is not refused asks media to be sent to. */
export function destination({ body }: Message): string {
  const all = destinations(body).filter((each) => !each.endsWith(":0"));
  assert.equal(all.length, 1, body);
  assertHidesEndpoints(body);
  return all[0] ?? "";
}

/** No SDP that leaves Kamailio names a phone's own address. */
export function assertHidesEndpoints(body: string): void {
  assert.doesNotMatch(body, /10\.10\.1\.(10|66|67)\b|192\.0\.2\.(20|66|67)\b/);
}

/** SDP, and what else of its message is not as usual. */
export interface Body {
  readonly body: string;
  /** The content type, where that is not application/sdp. */
  readonly type?: string;
  readonly callId?: string;
}

/** Set a call up by an offer in the INVITE. */
export async function setUp(
  { caller, callee }: Pick<World, "caller" | "callee">,
  offer: string | Body,
  answer: string | Body,
): Promise<Call> {
  const own = await caller.call(callee.address, asBody(offer));
  const invite = await callee.awaitRequest("INVITE");
  const other = callee.dialogOf(invite);
  await callee.reply(invite, 200, { dialog: other, ...asBody(answer) });
  const response = await caller.awaitResponse(own.invite, 200);
  caller.established(own, response);
  await caller.request(own, "ACK");
  await callee.awaitRequest("ACK");
  return {
    caller: own,
    callee: other,
    callerRelay: destination(response),
    calleeRelay: destination(invite),
  };
}

/** Set a call up by an offer in the 200 and an answer in the ACK. */
export async function setUpLate(
  { caller, callee }: World,
  offer: string,
  answer: string,
): Promise<Call> {
  const own = await caller.call(callee.address, {});
  const invite = await callee.awaitRequest("INVITE");
  assert.equal(invite.body, "");
  const other = callee.dialogOf(invite);
  await callee.reply(invite, 200, { dialog: other, body: offer });
  const response = await caller.awaitResponse(own.invite, 200);
  caller.established(own, response);
  await caller.request(own, "ACK", { body: answer });
  const ack = await callee.awaitRequest("ACK");
  return {
    caller: own,
    callee: other,
    callerRelay: destination(response),
    calleeRelay: destination(ack),
  };
}

/** A phone, its dialog and what it says of its media. */
export type Side = readonly [phone: Phone, dialog: Dialog, sdp: string];

/** An offer inside a call, and its answer; where each side is told to send to. */
export async function renegotiate(
  [from, dialog, offer]: Side,
  [to, other, answer]: Side,
  method = "INVITE",
): Promise<{ readonly offered: string; readonly answered: string }> {
  const request = await from.request(dialog, method, { body: offer });
  const came = await to.awaitRequest(method);
  await to.reply(came, 200, { dialog: other, body: answer });
  const response = await from.awaitResponse(request, 200);
  if (method === "INVITE") {
    await from.request(dialog, "ACK");
    await to.awaitRequest("ACK");
  }
  return { offered: destination(came), answered: destination(response) };
}

/** A re-INVITE without SDP: the offer comes in the 200, the answer in the ACK. */
export async function renegotiateLate(
  [from, dialog, answer]: Side,
  [to, other, offer]: Side,
): Promise<{ readonly offered: string; readonly answered: string }> {
  const request = await from.request(dialog, "INVITE");
  const came = await to.awaitRequest("INVITE");
  assert.equal(came.body, "");
  await to.reply(came, 200, { dialog: other, body: offer });
  const response = await from.awaitResponse(request, 200);
  await from.request(dialog, "ACK", { body: answer });
  const ack = await to.awaitRequest("ACK");
  return { offered: destination(response), answered: destination(ack) };
}

/** End a call by BYE. */
export async function hangUp(from: Phone, dialog: Dialog, to: Phone): Promise<void> {
  const request = await from.request(dialog, "BYE");
  const bye = await to.awaitRequest("BYE");
  await to.reply(bye, 200);
  await from.awaitResponse(request, 200);
}

/** Where a phone receives. */
export interface Place {
  readonly ip: string;
  readonly port: number;
}

/**
 * All RTP and RTCP between phones that are at `a` and `b` arrives, and the call is one session.
 * Of a move the relay is told, not asked: it is waited for. `relays` are those that face A and B.
 */
export async function checkMedia(
  world: World,
  { callerRelay, calleeRelay }: Pick<Call, "callerRelay" | "calleeRelay">,
  a: Place = A,
  b: Place = B,
  relays: { readonly a: Daemon; readonly b: Daemon } = { a: world.daemon, b: world.daemon },
): Promise<void> {
  await until("the relay knows where both are", async () => {
    const [atCaller] = await sessionsOf(relays.a);
    const [atCallee] = await sessionsOf(relays.b);
    return atCaller?.caller.signalled === `${a.ip}:${a.port}` &&
      atCallee?.callee.signalled === `${b.ip}:${b.port}`;
  });
  await using ofCaller = world.media("caller", a);
  await using ofCallee = world.media("callee", b);
  await assertBothWays(
    { media: ofCaller, relay: callerRelay },
    { media: ofCallee, relay: calleeRelay },
  );
  assert.equal((await world.sessions()).length, 1);
}

function asBody(body: string | Body): Body {
  return typeof body === "string" ? { body } : body;
}
