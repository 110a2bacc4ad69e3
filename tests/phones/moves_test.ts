import assert from "node:assert/strict";
import {
  A,
  B,
  type Call,
  checkMedia,
  hangUp,
  type Place,
  renegotiate,
  renegotiateLate,
  setUp,
  setUpLate,
} from "./calls.ts";
import { audio } from "./sdp.ts";
import { phoneTests, type World } from "./world.ts";

const MOVED_A = { ip: "10.10.1.66", port: 6200 } as const;
const MOVED_B = { ip: "192.0.2.66", port: 7200 } as const;

function callerSide({ caller }: World, call: Call, at: Place) {
  return [caller, call.caller, audio(at)] as const;
}

function calleeSide({ callee }: World, call: Call, at: Place) {
  return [callee, call.callee, audio(at)] as const;
}

phoneTests("a party moves", {
  "the callee, to another port and another address": async (world) => {
    const call = await setUp(world, audio(A), audio(B));
    const { callerRelay, calleeRelay } = call;
    await checkMedia(world, call, A, B);
    for (const at of [{ ...B, port: 7100 }, MOVED_B]) {
      const told = await renegotiate(calleeSide(world, call, at), callerSide(world, call, A));
      assert.deepEqual(told, { offered: callerRelay, answered: calleeRelay });
      await checkMedia(world, call, A, at);
    }
    await hangUp(world.caller, call.caller, world.callee);
  },
  "the caller, to another port and another address": async (world) => {
    const call = await setUp(world, audio(A), audio(B));
    const { callerRelay, calleeRelay } = call;
    await checkMedia(world, call, A, B);
    for (const at of [{ ...A, port: 6100 }, MOVED_A]) {
      const told = await renegotiate(callerSide(world, call, at), calleeSide(world, call, B));
      assert.deepEqual(told, { offered: calleeRelay, answered: callerRelay });
      await checkMedia(world, call, at, B);
    }
    await hangUp(world.callee, call.callee, world.caller);
  },
  "either, by its answer to the other's offer": async (world) => {
    const call = await setUp(world, audio(A), audio(B));
    await renegotiate(callerSide(world, call, A), calleeSide(world, call, MOVED_B));
    await checkMedia(world, call, A, MOVED_B);
    await renegotiate(calleeSide(world, call, MOVED_B), callerSide(world, call, MOVED_A));
    await checkMedia(world, call, MOVED_A, MOVED_B);
    await hangUp(world.caller, call.caller, world.callee);
  },
  "either, by UPDATE": async (world) => {
    const call = await setUp(world, audio(A), audio(B));
    const by = (a: Parameters<typeof renegotiate>[0], b: Parameters<typeof renegotiate>[1]) =>
      renegotiate(a, b, "UPDATE");
    await by(callerSide(world, call, MOVED_A), calleeSide(world, call, B));
    await checkMedia(world, call, MOVED_A, B);
    await by(calleeSide(world, call, MOVED_B), callerSide(world, call, MOVED_A));
    await checkMedia(world, call, MOVED_A, MOVED_B);
    await hangUp(world.caller, call.caller, world.callee);
  },
  "either, by a re-INVITE without SDP": async (world) => {
    const call = await setUp(world, audio(A), audio(B));
    const { callerRelay, calleeRelay } = call;
    let told = await renegotiateLate(callerSide(world, call, A), calleeSide(world, call, MOVED_B));
    assert.deepEqual(told, { offered: callerRelay, answered: calleeRelay });
    await checkMedia(world, call, A, MOVED_B);
    told = await renegotiateLate(
      calleeSide(world, call, MOVED_B),
      callerSide(world, call, MOVED_A),
    );
    assert.deepEqual(told, { offered: calleeRelay, answered: callerRelay });
    await checkMedia(world, call, MOVED_A, MOVED_B);
    await hangUp(world.caller, call.caller, world.callee);
  },
  "either, in a call that began without SDP": async (world) => {
    const call = await setUpLate(world, audio(B), audio(A));
    const { callerRelay, calleeRelay } = call;
    await checkMedia(world, call, A, B);
    let told = await renegotiate(callerSide(world, call, MOVED_A), calleeSide(world, call, B));
    assert.deepEqual(told, { offered: calleeRelay, answered: callerRelay });
    await checkMedia(world, call, MOVED_A, B);
    told = await renegotiate(calleeSide(world, call, MOVED_B), callerSide(world, call, MOVED_A));
    assert.deepEqual(told, { offered: callerRelay, answered: calleeRelay });
    await checkMedia(world, call, MOVED_A, MOVED_B);
    await hangUp(world.caller, call.caller, world.callee);
  },
  "nobody, by a re-INVITE that is refused": async (world) => {
    const { caller, callee } = world;
    const call = await setUp(world, audio(A), audio(B));
    for (
      const [from, dialog, to, offer] of [
        [caller, call.caller, callee, audio(MOVED_A)],
        [callee, call.callee, caller, audio(MOVED_B)],
      ] as const
    ) {
      const request = await from.request(dialog, "INVITE", { body: offer });
      await to.reply(await to.awaitRequest("INVITE"), 488);
      const response = await from.awaitResponse(request, 488);
      await from.acknowledgeFailure(dialog, response);
      await checkMedia(world, call, A, B);
    }
    await hangUp(caller, call.caller, callee);
  },
  "nobody, by a session timer's re-INVITE and UPDATE": async (world) => {
    const { caller, callee } = world;
    const call = await setUp(world, audio(A), audio(B));
    await renegotiate(callerSide(world, call, A), calleeSide(world, call, B));
    await checkMedia(world, call, A, B);
    const request = await caller.request(call.caller, "UPDATE", {
      more: [["Session-Expires", "1800;refresher=uac"]],
    });
    await callee.reply(await callee.awaitRequest("UPDATE"), 200);
    await caller.awaitResponse(request, 200);
    await checkMedia(world, call, A, B);
    await hangUp(callee, call.callee, caller);
  },
});
