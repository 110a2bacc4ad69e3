/** What happens in dialog INDEX of a run with a seed: the same for both sides, each time. */
import { Dice } from "../../fuzz/mutate.ts";
import { type Device, DEVICES, fillAck, fillMessage, ROUTE, type Values, VIA } from "./devices.ts";
import { join, nameOf, type Parts, split, value, withTrueLength } from "./message.ts";
import { mutate, type Mutated } from "./mutators.ts";

/** "cancel": the callee rings, and the caller gives up. */
export type Outcome = "answer" | "busy" | "cancel";

export interface Dialog {
  readonly index: number;
  readonly device: Device;
  readonly outcome: Outcome;
  /** A 183 with the answer's SDP comes first. */
  readonly early: boolean;
  /** The INVITE, one character a byte. */
  readonly invite: string;
  /** The SDP for an ACK, if the INVITE had no body. */
  readonly ack: string;
  /** The final response: its lines of Via and Record-Route are marks (devices.ts). */
  readonly answer: Parts;
  /** The mutators applied, by name; empty for a message that is sound. */
  readonly damage: { readonly invite: readonly string[]; readonly answer: readonly string[] };
}

export const CALLER_HOST = "10.10.1.10";
export const CALLEE_HOST = "192.0.2.20";

/** Media ports that are not the relay's: 40000 to 59998 for callers, 6000 to 18998 for callees. */
const CALLER_PORTS = { first: 40000, pairs: 10000 };
const CALLEE_PORTS = { first: 6000, pairs: 6500 };

/** From this index on, dialogs are sound: by them the rig sees whether Kamailio still makes calls. */
export const FIRST_SOUND = 1_000_000;

/** The caller's port for SIP: one for each dialog, so that a response needs no name. */
export function sipPort(index: number): number {
  return index < FIRST_SOUND ? 10000 + index % 50000 : 60000 + index % 5000;
}

/** A number of 32 bits for each seed and index, with nothing in common between neighbours. */
function mix(seed: number, index: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Media addresses that no other dialog and no other side has: 10.20.x.y and 10.30.x.y. */
function media(network: number, index: number, ports: { first: number; pairs: number }): Values {
  const port = ports.first + 2 * (index % ports.pairs);
  return {
    IP: `10.${network}.${(index >> 8) & 255}.${index & 255}`,
    IP6: `2001:db8:${network}::${(index & 0xffff).toString(16)}`,
    PORT: String(port),
    RTCP: String(port + 1),
    PORT2: String(port + 2),
  };
}

/** The values of the caller's templates. */
function callerValues(seed: number, index: number): Values {
  return {
    ...media(20, index, CALLER_PORTS),
    N: String(index),
    HOST: CALLER_HOST,
    SIP: `${CALLER_HOST}:${sipPort(index)}`,
    TAG: `a${index}`,
    BRANCH: `z9hG4bKm${index}-${seed}`,
    CALL: `m${index}-${seed}`,
  };
}

/** The values of the callee's templates: what it copies is what the mutated INVITE has. */
function calleeValues(index: number, invite: Parts): Values {
  return {
    ...media(30, index, CALLEE_PORTS),
    N: String(index),
    TAG: `b${index}`,
    FROM: value(invite, "from"),
    TO: value(invite, "to"),
    CALL: value(invite, "call-id"),
    CSEQ: value(invite, "cseq"),
  };
}

function outcomeOf(dice: Dice): Outcome {
  const percent = dice.roll(100);
  return percent < 6 ? "busy" : percent < 12 ? "cancel" : "answer";
}

/** A final response that refuses, with the headers that the device has in a 200. */
function busy(answer: Parts): Parts {
  const headers = answer.headers.filter((header) => nameOf(header) !== "content-type");
  return withTrueLength({ ...answer, start: "SIP/2.0 486 Busy Here", headers, body: "" });
}

const SOUND = (parts: Parts): Mutated => ({ parts, names: [] });

/** Plans a dialog by its seed. Those from FIRST_SOUND on are calls of the first device, answered. */
export function planDialog(seed: number, index: number): Dialog {
  if (index < FIRST_SOUND) return planMutated(seed, index);
  const [device] = DEVICES;
  if (!device) throw new Error("There are no devices");
  const values = callerValues(seed, index);
  const invite = fillMessage(device.invite, values);
  const answer = fillMessage(device.answer, calleeValues(index, invite));
  const damage = { invite: [], answer: [] };
  const plan = { index, device, outcome: "answer", early: false, ack: "", damage } as const;
  return { ...plan, invite: join(invite), answer };
}

/** Mutated are the INVITE (half of all), the answer (four in ten), or both. */
function planMutated(seed: number, index: number): Dialog {
  const dice = new Dice(mix(seed, index));
  const damage = (parts: Parts) => mutate(parts, dice, withTrueLength);
  const device = dice.pick(DEVICES);
  const outcome = outcomeOf(dice);
  const early = dice.roll(100) < (device.early ? 60 : 10);
  const which = dice.roll(10);

  const values = callerValues(seed, index);
  const sound = fillMessage(device.invite, values, device.bodyLineEnd);
  const invite = (which <= 5 ? damage : SOUND)(sound);
  const sent = join(invite.parts);
  const filled = fillMessage(device.answer, calleeValues(index, split(sent)), device.bodyLineEnd);
  const answer = (which >= 5 ? damage : SOUND)(outcome === "busy" ? busy(filled) : filled);
  return {
    index,
    device,
    outcome,
    early,
    invite: sent,
    ack: fillAck(device, values) || sound.body,
    answer: answer.parts,
    damage: { invite: invite.names, answer: answer.names },
  };
}

/** The answer as it leaves for an INVITE that came, as the 183 before it or as it is. */
export function answerTo(dialog: Dialog, invite: Parts, asEarly: boolean): string {
  const lines = (name: string) => invite.headers.filter((header) => nameOf(header) === name);
  const headers = dialog.answer.headers.flatMap((header) =>
    header === VIA ? lines("via") : header === ROUTE ? lines("record-route") : [header]
  );
  const start = asEarly ? "SIP/2.0 183 Session Progress" : dialog.answer.start;
  // A mark within a header that a mutation has copied it into would be no byte.
  return join({ ...dialog.answer, start, headers }).replaceAll(/[\u0100-\uffff]/g, "?");
}

/** A dialog in one line, for a report. */
export function describe(dialog: Dialog): string {
  const { index, device, outcome, damage } = dialog;
  const told = (names: readonly string[]) => names.length === 0 ? "sound" : names.join(", ");
  return `dialog ${index}, ${device.name}, ${outcome}; INVITE ${told(damage.invite)}; ` +
    `answer ${told(damage.answer)}`;
}
