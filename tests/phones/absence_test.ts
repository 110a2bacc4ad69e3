import assert from "node:assert/strict";
import { A, B, checkMedia, hangUp, setUp } from "./calls.ts";
import { audio } from "./sdp.ts";
import { statusOf } from "./sip.ts";
import { phoneTests } from "./world.ts";

phoneTests("without a relay", {
  "a call is refused, and relayed when there is one again": async (world) => {
    const { caller, callee, daemon } = world;
    assert.equal(await daemon.kill("SIGTERM"), 0);
    const own = await caller.call(callee.address, { body: audio(A) });
    const response = await caller.awaitFinal(own.invite);
    assert.equal(statusOf(response), 503);
    await caller.acknowledgeFailure(own, response);
    assert.deepEqual(callee.inbox, []);
    await daemon.start();
    const call = await setUp(world, audio(A), audio(B));
    await checkMedia(world, call);
    await hangUp(caller, call.caller, callee);
  },
});
