/** Named ways to damage a SIP message. Each is a pure function of the message and of the dice. */
import type { Dice } from "../../fuzz/mutate.ts";
import type { Parts } from "./message.ts";
import { BODY_MUTATORS } from "./mutate_body.ts";
import { HEADER_MUTATORS } from "./mutate_headers.ts";

/** Where a message has nothing that it could change, it returns the same message. */
export type Mutator = (parts: Parts, dice: Dice) => Parts;

/** A message and what was done to it. */
export interface Mutated {
  readonly parts: Parts;
  readonly names: readonly string[];
}

/** Every mutator by its name; those of the body come first. */
export const MUTATORS: ReadonlyMap<string, Mutator> = new Map([
  ...Object.entries(BODY_MUTATORS),
  ...Object.entries(HEADER_MUTATORS),
]);

/** How often the body, where SDP is, is meant. */
const BODY_PERCENT = 60;

/** Applies 1 to 4 mutators. The Content-Length is true unless one of the headers' made it wrong. */
export function mutate(parts: Parts, dice: Dice, fixLength: (parts: Parts) => Parts): Mutated {
  const names = Array.from(
    { length: 1 + dice.roll(4) },
    () => dice.pick(Object.keys(dice.roll(100) < BODY_PERCENT ? BODY_MUTATORS : HEADER_MUTATORS)),
  );
  const isOfBody = (name: string) => name in BODY_MUTATORS;
  const ordered = [...names.filter(isOfBody), ...names.filter((name) => !isOfBody(name))];
  const body = apply(parts, ordered.filter(isOfBody), dice);
  const whole = apply(fixLength(body), ordered.filter((name) => !isOfBody(name)), dice);
  return { parts: whole, names: ordered };
}

function apply(parts: Parts, names: readonly string[], dice: Dice): Parts {
  return names.reduce((now, name) => MUTATORS.get(name)?.(now, dice) ?? now, parts);
}
