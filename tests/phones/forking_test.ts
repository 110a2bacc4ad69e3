import assert from "node:assert/strict";
import { ADDRESSES } from "../../src/netns/namespaces.ts";
import { until } from "../netns/until.ts";
import { A, assertHidesEndpoints, B, checkMedia, destination, hangUp } from "./calls.ts";
import { type Dialog, Phone } from "./phone.ts";
import { audio } from "./sdp.ts";
import { header, type Message } from "./sip.ts";
import { phoneTests, type World } from "./world.ts";

const OTHER = "192.0.2.66";
const C = { ip: OTHER, port: 7500 } as const;

/** The second target of a call. */
function secondPhone(world: World): Phone {
  return world.use(new Phone(world.net.callee, OTHER, ADDRESSES.relayExternal));
}

/** A phone that got an INVITE. */
interface Ringing {
  readonly phone: Phone;
  readonly invite: Message;
  readonly dialog: Dialog;
}

/** A target rings, and the caller hears of it: only then is it sent a CANCEL. */
async function ringing({ caller }: World, own: Dialog, phone: Phone): Promise<Ringing> {
  const invite = await phone.awaitRequest("INVITE");
  const dialog = phone.dialogOf(invite);
  await phone.reply(invite, 180, { dialog });
  await caller.awaitResponse(own.invite, 180);
  return { phone, invite, dialog };
}

/** One of the targets answers; where caller and callee are told to send to. */
async function answered(
  { caller }: World,
  own: Dialog,
  { phone, invite, dialog }: Ringing,
  body: string,
) {
  await phone.reply(invite, 200, { dialog, body });
  const response = await caller.awaitResponse(own.invite, 200);
  caller.established(own, response);
  await caller.request(own, "ACK");
  await phone.awaitRequest("ACK");
  return { callerRelay: destination(response), calleeRelay: destination(invite) };
}

/** A target is told by Kamailio that another one has answered, or that the caller gave up. */
async function cancelled({ phone, invite, dialog }: Ringing): Promise<void> {
  await phone.reply(await phone.awaitRequest("CANCEL"), 200);
  await phone.reply(invite, 487, { dialog });
  await phone.awaitRequest("ACK");
}

phoneTests("a call to two targets at once", {
  "of whom one answers, and the other's 487 follows": async (world) => {
    const second = secondPhone(world);
    const own = await world.caller.call(world.callee.address, { body: audio(A) });
    const targets = [
      await ringing(world, own, world.callee),
      await ringing(world, own, second),
    ] as const;
    const relays = await answered(world, own, targets[0], audio(B));
    await checkMedia(world, relays);
    await cancelled(targets[1]);
    await checkMedia(world, relays);
    await hangUp(world.caller, own, world.callee);
  },
  "of whom one is busy first": async (world) => {
    const second = secondPhone(world);
    const own = await world.caller.call(world.callee.address, { body: audio(A) });
    const targets = [
      await ringing(world, own, world.callee),
      await ringing(world, own, second),
    ] as const;
    await world.callee.reply(targets[0].invite, 486, { dialog: targets[0].dialog });
    await world.callee.awaitRequest("ACK");
    const relays = await answered(world, own, targets[1], audio(C));
    await checkMedia(world, relays, A, C);
    await hangUp(second, targets[1].dialog, world.caller);
  },
  "of whom the loser had early media": async (world) => {
    const second = secondPhone(world);
    const own = await world.caller.call(world.callee.address, { body: audio(A) });
    const targets = [
      await ringing(world, own, world.callee),
      await ringing(world, own, second),
    ] as const;
    await second.reply(targets[1].invite, 183, { dialog: targets[1].dialog, body: audio(C) });
    const early = await world.caller.awaitResponse(own.invite, 183);
    const callerRelay = destination(early);
    await checkMedia(world, { callerRelay, calleeRelay: destination(targets[1].invite) }, A, C);
    const relays = await answered(world, own, targets[0], audio(B));
    assert.equal(relays.callerRelay, callerRelay);
    // It goes on ringing until the CANCEL has come.
    await second.reply(targets[1].invite, 183, { dialog: targets[1].dialog, body: audio(C) });
    await cancelled(targets[1]);
    await checkMedia(world, relays);
    await hangUp(world.caller, own, world.callee);
  },
  "who both answer: the first one has the call, and the other's BYE does not end it": async (
    world,
  ) => {
    const { caller, callee } = world;
    const second = secondPhone(world);
    const own = await caller.call(callee.address, { body: audio(A) });
    const targets = [await ringing(world, own, callee), await ringing(world, own, second)] as const;
    // The CANCEL for the second comes too late.
    const relays = await answered(world, own, targets[0], audio(B));
    const late = { ...own };
    await second.reply(await second.awaitRequest("CANCEL"), 200);
    await second.reply(targets[1].invite, 200, { dialog: targets[1].dialog, body: audio(C) });
    const response = await caller.awaitResponse(own.invite, 200);
    assertHidesEndpoints(response.body);
    assert.match(response.body, /^m=audio 0 /m);
    caller.established(late, response);
    await caller.request(late, "ACK");
    await second.awaitRequest("ACK");
    await hangUp(caller, late, second);
    await checkMedia(world, relays);
    await hangUp(caller, own, callee);
  },
  "that both refuse: its media end": async (world) => {
    const { caller, callee } = world;
    const second = secondPhone(world);
    const own = await caller.call(callee.address, { body: audio(A) });
    const targets = [await ringing(world, own, callee), await ringing(world, own, second)] as const;
    await callee.reply(targets[0].invite, 183, { dialog: targets[0].dialog, body: audio(B) });
    assertHidesEndpoints((await caller.awaitResponse(own.invite, 183)).body);
    await until("early media are relayed", async () => (await world.sessions()).length === 1);
    for (const { phone, invite, dialog } of targets) {
      await phone.reply(invite, 486, { dialog });
      await phone.awaitRequest("ACK");
    }
    await caller.acknowledgeFailure(own, await caller.awaitResponse(own.invite, 486));
  },
  "that the caller gives up: its media end": async (world) => {
    const { caller, callee } = world;
    const second = secondPhone(world);
    const own = await caller.call(callee.address, { body: audio(A) });
    const targets = [await ringing(world, own, callee), await ringing(world, own, second)] as const;
    for (const { phone, invite, dialog } of targets) {
      await phone.reply(invite, 183, { dialog, body: audio(phone === second ? C : B) });
      await caller.awaitResponse(own.invite, 183);
    }
    const cancel = await caller.cancel(own);
    await caller.awaitResponse(cancel, 200);
    for (const target of targets) await cancelled(target);
    await caller.acknowledgeFailure(own, await caller.awaitResponse(own.invite, 487));
  },
}, { defines: [`FORK_TO="sip:other@${OTHER}"`] });

phoneTests("a call to a second target after the first", {
  "is busy": async (world) => {
    const { caller, callee } = world;
    const second = secondPhone(world);
    const own = await caller.call(callee.address, { body: audio(A) });
    const first = await ringing(world, own, callee);
    await callee.reply(first.invite, 183, { dialog: first.dialog, body: audio(B) });
    const callerRelay = destination(await caller.awaitResponse(own.invite, 183));
    await callee.reply(first.invite, 486, { dialog: first.dialog });
    await callee.awaitRequest("ACK");
    const relays = await answered(world, own, await ringing(world, own, second), audio(C));
    assert.equal(relays.callerRelay, callerRelay);
    await checkMedia(world, relays, A, C);
    await hangUp(caller, own, second);
  },
  "and is refused there too: its media end": async (world) => {
    const { caller, callee } = world;
    const second = secondPhone(world);
    const own = await caller.call(callee.address, { body: audio(A) });
    for (const phone of [callee, second]) {
      const { invite, dialog } = await ringing(world, own, phone);
      await phone.reply(invite, 183, { dialog, body: audio(phone === second ? C : B) });
      await caller.awaitResponse(own.invite, 183);
      await phone.reply(invite, 486, { dialog });
      await phone.awaitRequest("ACK");
    }
    await caller.acknowledgeFailure(own, await caller.awaitResponse(own.invite, 486));
  },
}, { defines: [`THEN_TO="sip:other@${OTHER}"`] });

phoneTests("a call that is given up", {
  "while its 200 is on the way is up until its BYE": async (world) => {
    const { caller, callee } = world;
    const own = await caller.call(callee.address, { body: audio(A) });
    const { invite, dialog } = await ringing(world, own, callee);
    const cancel = await caller.cancel(own);
    await caller.awaitResponse(cancel, 200);
    // The callee had answered before the CANCEL came.
    const late = await callee.awaitRequest("CANCEL");
    await callee.reply(invite, 200, { dialog, body: audio(B) });
    await callee.reply(late, 200);
    const response = await caller.awaitResponse(own.invite, 200);
    caller.established(own, response);
    await caller.request(own, "ACK");
    await callee.awaitRequest("ACK");
    await checkMedia(world, {
      callerRelay: destination(response),
      calleeRelay: destination(invite),
    });
    assert.equal(header(response, "CSeq"), "1 INVITE");
    await hangUp(caller, own, callee);
  },
});
