import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { until } from "../netns/until.ts";
import {
  A,
  assertHidesEndpoints,
  B,
  type Body,
  checkMedia,
  hangUp,
  renegotiate,
  setUp,
} from "./calls.ts";
import { audio, destinations, sdp } from "./sdp.ts";
import { type Message, statusOf } from "./sip.ts";
import { assertBothWays, phoneTests, type World } from "./world.ts";

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** A usual SDP at a place, with lines instead of c= and m=. */
function withLines(ip: string, ...lines: string[]): string {
  return sdp({ ip }, lines);
}

/** A call with these offers and answers has media both ways, and ends. */
async function relayed(world: World, offer: string | Body, answer: string | Body): Promise<void> {
  const call = await setUp(world, offer, answer);
  await checkMedia(world, call);
  await hangUp(world.caller, call.caller, world.callee);
}

/** An INVITE with this body is refused with this status, and nothing reaches the callee. */
async function refused(
  { caller, callee, sessions }: World,
  status: number,
  options: Parameters<typeof caller.call>[1],
): Promise<void> {
  const dialog = await caller.call(callee.address, options);
  const response = await caller.awaitFinal(dialog.invite);
  assert.equal(statusOf(response), status);
  await caller.acknowledgeFailure(dialog, response);
  assert.deepEqual(callee.inbox, []);
  assert.deepEqual(await sessions(), []);
}

const fax = ({ ip, port }: { ip: string; port: number }): string =>
  withLines(ip, `c=IN IP4 ${ip}`, "t=0 0", `m=image ${port} udptl t38`, "a=T38FaxVersion:0");

const video = ({ ip, port }: { ip: string; port: number }): string =>
  withLines(ip, `c=IN IP4 ${ip}`, "t=0 0", `m=video ${port} RTP/AVP 96`, "a=rtpmap:96 H264/90000");

phoneTests("an offer or answer", {
  "with c= for the session and another for the stream: that of the stream counts": async (
    world,
  ) => {
    const two = (session: string, { ip, port }: { ip: string; port: number }): string =>
      withLines(ip, `c=IN IP4 ${session}`, "t=0 0", `m=audio ${port} RTP/AVP 0`, `c=IN IP4 ${ip}`);
    await relayed(world, two("10.10.1.67", A), two("192.0.2.67", B));
    await relayed(world, two(A.ip, A), two(B.ip, B));
  },
  "with c= for the stream alone": async (world) => {
    const one = ({ ip, port }: { ip: string; port: number }): string =>
      withLines(ip, "t=0 0", `m=audio ${port} RTP/AVP 0`, `c=IN IP4 ${ip}`);
    await relayed(world, one(A), one(B));
  },
  "with a second stream, which is refused": async (world) => {
    const both = (at: { ip: string; port: number }, videoPort: number): string =>
      `${audio(at)}m=video ${videoPort} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n`;
    const call = await setUp(world, both(A, 6002), both(B, 0));
    await checkMedia(world, call);
    const told = await renegotiate(
      [world.callee, call.callee, both(B, 7002)],
      [world.caller, call.caller, both(A, 0)],
    );
    assert.deepEqual(told, { offered: call.callerRelay, answered: call.calleeRelay });
    await checkMedia(world, call);
    await hangUp(world.caller, call.caller, world.callee);
  },
  "with audio behind video, which is refused": async (world) => {
    const lines = ({ ip, port }: { ip: string; port: number }, videoPort: number): string =>
      withLines(
        ip,
        `c=IN IP4 ${ip}`,
        "t=0 0",
        `m=video ${videoPort} RTP/AVP 96`,
        `m=audio ${port} RTP/AVP 0`,
      );
    await relayed(world, lines(A, 6002), lines(B, 0));
  },
  "with video alone": (world) => relayed(world, video(A), video(B)),
  "of a fax alone": (world) => relayed(world, fax(A), fax(B)),
  "that turns a call into a fax, from either side, and back": async (world) => {
    const { caller, callee } = world;
    const call = await setUp(world, audio(A), audio(B));
    await checkMedia(world, call);
    const [faxA, faxB] = [{ ...A, port: 6400 }, { ...B, port: 7400 }];
    await renegotiate([caller, call.caller, fax(faxA)], [callee, call.callee, fax(faxB)]);
    await checkMedia(world, call, faxA, faxB);
    await renegotiate([callee, call.callee, audio(B)], [caller, call.caller, audio(A)]);
    await checkMedia(world, call);
    await renegotiate([callee, call.callee, fax(faxB)], [caller, call.caller, fax(faxA)]);
    await checkMedia(world, call, faxA, faxB);
    await hangUp(callee, call.callee, caller);
  },
  "that refuses audio and offers a fax": async (world) => {
    const { caller, callee } = world;
    const call = await setUp(world, audio(A), audio(B));
    const lines = ({ ip, port }: { ip: string; port: number }): string =>
      withLines(
        ip,
        `c=IN IP4 ${ip}`,
        "t=0 0",
        "m=audio 0 RTP/AVP 0",
        `m=image ${port} udptl t38`,
      );
    await renegotiate([callee, call.callee, lines(B)], [caller, call.caller, lines(A)]);
    await checkMedia(world, call);
    await hangUp(caller, call.caller, callee);
  },
  "with lines that end in LF alone": (world) => {
    return relayed(world, audio(A).replaceAll("\r", ""), audio(B).replaceAll("\r", ""));
  },
  "with ICE, a=rtcp, several codecs and bandwidths": async (world) => {
    const rich = ({ ip, port }: { ip: string; port: number }): string =>
      withLines(
        ip,
        `c=IN IP4 ${ip}`,
        "b=AS:84",
        "t=0 0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789abcdef012345",
        `m=audio ${port} RTP/AVP 8 0 18 9 96 101`,
        "b=TIAS:64000",
        `a=rtcp:${port + 1} IN IP4 ${ip}`,
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 useinbandfec=1",
        `a=candidate:1 1 UDP 2130706431 ${ip} ${port} typ host`,
        "a=end-of-candidates",
        "a=ptime:20",
      );
    await relayed(world, rich(A), rich(B));
  },
  "of more than 900 bytes": async (world) => {
    const long = (at: { ip: string; port: number }): string =>
      audio(at) + `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${"x".repeat(40)}\r\n`.repeat(20);
    await relayed(world, long(A), long(B));
  },
  "in a multipart body: its other parts are left out": async (world) => {
    const multipart = (at: { ip: string; port: number }): Body => ({
      type: "multipart/mixed;boundary=cut",
      body: [
        "--cut\r\nContent-Type: application/sdp\r\n",
        audio(at),
        "--cut\r\nContent-Type: application/isup;version=itu-t92+\r\n",
        "\x01\x02",
        "--cut--\r\n",
      ].join("\r\n"),
    });
    await relayed(world, multipart(A), multipart(B));
  },
  "with SRTP and early media in a 183": async (world) => {
    const { caller, callee } = world;
    const own = await caller.call(callee.address, { body: audio(A) });
    const invite = await callee.awaitRequest("INVITE");
    const other = callee.dialogOf(invite);
    await callee.reply(invite, 183, { dialog: other, body: audio(B) });
    const early = await caller.awaitResponse(own.invite, 183);
    const [callerRelay = ""] = destinations(early.body);
    const [calleeRelay = ""] = destinations(invite.body);
    await checkMedia(world, { callerRelay, calleeRelay });
    await callee.reply(invite, 200, { dialog: other, body: audio(B) });
    const response = await caller.awaitResponse(own.invite, 200);
    assertHidesEndpoints(response.body);
    caller.established(own, response);
    await caller.request(own, "ACK");
    await callee.awaitRequest("ACK");
    await checkMedia(world, { callerRelay, calleeRelay });
    await hangUp(caller, own, callee);
  },
  "in a reliable 183 and its PRACK": async (world) => {
    const { caller, callee } = world;
    const own = await caller.call(callee.address, {});
    const invite = await callee.awaitRequest("INVITE");
    const other = callee.dialogOf(invite);
    const reliable: Message["headers"] = [["Require", "100rel"], ["RSeq", "1"]];
    await callee.reply(invite, 183, { dialog: other, body: audio(B), more: reliable });
    const early = await caller.awaitResponse(own.invite, 183);
    caller.established(own, early);
    const prack = await caller.request(own, "PRACK", {
      body: audio(A),
      more: [["RAck", "1 1 INVITE"]],
    });
    const came = await callee.awaitRequest("PRACK");
    await callee.reply(came, 200);
    await caller.awaitResponse(prack, 200);
    const [callerRelay = ""] = destinations(early.body);
    const [calleeRelay = ""] = destinations(came.body);
    await checkMedia(world, { callerRelay, calleeRelay });
    await callee.reply(invite, 200, { dialog: other });
    await caller.awaitResponse(own.invite, 200);
    await caller.request(own, "ACK");
    await callee.awaitRequest("ACK");
    await checkMedia(world, { callerRelay, calleeRelay });
    await hangUp(callee, other, caller);
  },
  "that puts the call on hold and takes it back": async (world) => {
    const { caller, callee } = world;
    const call = await setUp(world, audio(A), audio(B));
    await checkMedia(world, call);
    const holds = [
      audio(A).replace("a=sendrecv", "a=inactive"),
      audio(A).replace("c=IN IP4 10.10.1.10", "c=IN IP4 0.0.0.0"),
      audio(A).replace("m=audio 6000", "m=audio 0"),
    ];
    for (const hold of holds) {
      const request = await caller.request(call.caller, "INVITE", { body: hold });
      const came = await callee.awaitRequest("INVITE");
      await callee.reply(came, 200, { dialog: call.callee, body: audio(B) });
      await caller.awaitResponse(request, 200);
      await caller.request(call.caller, "ACK");
      await callee.awaitRequest("ACK");
      assertHidesEndpoints(came.body);
      await renegotiate([caller, call.caller, audio(A)], [callee, call.callee, audio(B)]);
      await checkMedia(world, call);
    }
    await hangUp(caller, call.caller, callee);
  },
  "that names no IPv4 host is refused": async (world) => {
    const at = (address: string, net = "IN IP4"): string =>
      audio(A).replace("c=IN IP4 10.10.1.10", `c=${net} ${address}`);
    const bodies = [
      at("2001:db8::1", "IN IP6"),
      at("phone.example"),
      at("224.2.1.1/127"),
      at("127.0.0.1"),
      at("10.10.1.256"),
      at("10.10.1.1000000000000"),
      audio(A).replace(/c=.*\r\n/, ""),
    ];
    for (const body of bodies) await refused(world, 488, { body });
  },
  "in a 200 or an ACK that names no IPv4 host refuses the stream": async (world) => {
    const { caller, callee } = world;
    const bad = audio(B).replace(/c=IN IP4 \S+/, "c=IN IP6 2001:db8::1");
    for (const answer of [bad, bad.replace(/c=.*\r\n/, "")]) {
      const own = await caller.call(callee.address, { body: audio(A) });
      const invite = await callee.awaitRequest("INVITE");
      const other = callee.dialogOf(invite);
      await callee.reply(invite, 200, { dialog: other, body: answer });
      const response = await caller.awaitResponse(own.invite, 200);
      assert.match(response.body, /^m=audio 0 /m);
      assert.doesNotMatch(response.body, /2001:/);
      assertHidesEndpoints(response.body);
      caller.established(own, response);
      await caller.request(own, "ACK");
      await callee.awaitRequest("ACK");
      // The call is there, and a better answer mends it.
      const told = await renegotiate([caller, own, audio(A)], [callee, other, audio(B)]);
      await checkMedia(world, { callerRelay: told.answered, calleeRelay: told.offered });
      await hangUp(caller, own, callee);
    }
    const own = await caller.call(callee.address, {});
    const invite = await callee.awaitRequest("INVITE");
    const other = callee.dialogOf(invite);
    await callee.reply(invite, 200, { dialog: other, body: audio(B) });
    caller.established(own, await caller.awaitResponse(own.invite, 200));
    await caller.request(own, "ACK", { body: bad });
    const ack = await callee.awaitRequest("ACK");
    assert.match(ack.body, /^m=audio 0 /m);
    assert.doesNotMatch(ack.body, /2001:/);
    await hangUp(callee, other, caller);
  },
  "in a re-INVITE that names no IPv4 host is refused, and the call goes on": async (world) => {
    const { caller, callee } = world;
    const call = await setUp(world, audio(A), audio(B));
    for (
      const [phone, dialog, at] of [
        [caller, call.caller, A],
        [callee, call.callee, B],
      ] as const
    ) {
      const body = audio(at).replace(/c=IN IP4 \S+/, "c=IN IP6 2001:db8::1");
      const request = await phone.request(dialog, "INVITE", { body });
      const response = await phone.awaitFinal(request);
      assert.equal(statusOf(response), 488);
      await phone.acknowledgeFailure(dialog, response);
    }
    await checkMedia(world, call);
    await hangUp(caller, call.caller, callee);
  },
  "with a Content-Encoding is refused": (world) => {
    return refused(world, 415, { body: audio(A), more: [["Content-Encoding", "gzip"]] });
  },
  "with a=rtcp-mux: RTCP goes where RTP does": async (world) => {
    const mux = (at: { ip: string; port: number }): string => `${audio(at)}a=rtcp-mux\r\n`;
    const call = await setUp(world, mux(A), mux(B));
    await using a = world.media("caller", A);
    await using b = world.media("callee", B);
    const { callerRelay, calleeRelay } = call;
    await assertBothWays({ media: a, relay: callerRelay }, { media: b, relay: calleeRelay });
    for (const [from, relay, to] of [[a, callerRelay, b], [b, calleeRelay, a]] as const) {
      const reports = from.rtp.stream("rtcp", relay, 2);
      await until("25 reports are sent", () => reports.sent >= 25);
      reports.stop();
      await until("all arrive", () => to.rtp.of(reports).length === reports.sent);
    }
    await hangUp(world.caller, call.caller, world.callee);
  },
  "with a Call-ID of 48, 49 or 200 characters": async (world) => {
    const { caller, callee } = world;
    for (const length of [48, 49, 200]) {
      const callId = `${length}@`.padEnd(length, "x");
      const call = await setUp(world, { body: audio(A), callId }, audio(B));
      await checkMedia(world, call);
      const [session] = await world.sessions();
      assert.equal(session?.callId, length > 48 ? md5(callId) : callId);
      const moved = { ...B, port: 7600 };
      await renegotiate([callee, call.callee, audio(moved)], [caller, call.caller, audio(A)]);
      await checkMedia(world, call, A, moved);
      await hangUp(callee, call.callee, caller);
      await until("it is over", async () => (await world.sessions()).length === 0);
    }
    // Refused after early media, which end.
    const own = await caller.call(callee.address, { body: audio(A), callId: "z".repeat(60) });
    const invite = await callee.awaitRequest("INVITE");
    const other = callee.dialogOf(invite);
    await callee.reply(invite, 183, { dialog: other, body: audio(B) });
    await caller.awaitResponse(own.invite, 183);
    assert.equal((await world.sessions()).length, 1);
    await callee.reply(invite, 486, { dialog: other });
    await callee.awaitRequest("ACK");
    await caller.acknowledgeFailure(own, await caller.awaitResponse(own.invite, 486));
  },
});
