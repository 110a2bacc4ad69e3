import assert from "node:assert/strict";
import { DEVICES } from "./devices.ts";
import { answerTo, type Dialog, FIRST_SOUND, planDialog } from "./dialogs.ts";
import { isPlainSip, split, values } from "./message.ts";

const DIALOGS: readonly Dialog[] = Array.from({ length: 1000 }, (_, i) => planDialog(1, i));

function share(is: (dialog: Dialog) => boolean): number {
  return DIALOGS.filter(is).length / DIALOGS.length;
}

Deno.test("planDialog() plans the same for the same seed and index, and else something other", () => {
  assert.deepEqual(planDialog(1, 17), DIALOGS[17]);
  assert.notEqual(planDialog(2, 17).invite, DIALOGS[17]?.invite);
  assert.equal(new Set(DIALOGS.map(({ invite }) => invite)).size, DIALOGS.length);
});

Deno.test("planDialog() uses all devices and all outcomes", () => {
  assert.equal(new Set(DIALOGS.map(({ device }) => device.name)).size, DEVICES.length);
  assert.deepEqual([...new Set(DIALOGS.map(({ outcome }) => outcome))].sort(), [
    "answer",
    "busy",
    "cancel",
  ]);
});

const shares: readonly { readonly what: string; readonly is: (dialog: Dialog) => boolean }[] = [
  { what: "mutated INVITEs", is: ({ damage }) => damage.invite.length > 0 },
  { what: "mutated answers", is: ({ damage }) => damage.answer.length > 0 },
  { what: "INVITEs that must be answered", is: ({ invite }) => isPlainSip(invite) },
];

for (const { what, is } of shares) {
  Deno.test(`planDialog() gives many ${what}, and many others`, () => {
    assert.ok(share(is) > 0.3 && share(is) < 0.8, `${share(is)}`);
  });
}

Deno.test("planDialog() gives no dialog without a mutation below FIRST_SOUND, and none from there", () => {
  const isSound = ({ damage }: Dialog) => damage.invite.length + damage.answer.length === 0;
  assert.equal(DIALOGS.filter(isSound).length, 0);
  assert.ok(isSound(planDialog(1, FIRST_SOUND)) && isPlainSip(planDialog(1, FIRST_SOUND).invite));
});

Deno.test("the start line of an INVITE tells its index", () => {
  for (const { index, invite } of DIALOGS) {
    assert.match(split(invite).start, new RegExp(`^INVITE sip:m${index}@192\\.0\\.2\\.20`));
  }
});

Deno.test("answerTo() copies Via and Record-Route of the INVITE that came", () => {
  const dialog = planDialog(1, FIRST_SOUND);
  const came = split(
    dialog.invite.replace("Via:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKk\r\nVia:")
      .replace("\r\nFrom", "\r\nRecord-Route: <sip:192.0.2.1;lr>\r\nFrom"),
  );
  const answer = split(answerTo(dialog, came, false));
  assert.equal(values(answer, "via").length, 2);
  assert.deepEqual(values(answer, "record-route"), ["<sip:192.0.2.1;lr>"]);
  assert.equal(split(answerTo(dialog, came, true)).start, "SIP/2.0 183 Session Progress");
});

Deno.test("what is sent is of bytes alone", () => {
  for (const dialog of DIALOGS) {
    const answer = answerTo(dialog, split(dialog.invite), false);
    assert.ok([...dialog.invite, ...answer].every((character) => character.charCodeAt(0) < 256));
  }
});
