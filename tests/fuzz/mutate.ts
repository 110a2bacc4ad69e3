/** Random numbers that are the same for the same seed (xorshift32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed >>> 0) || 1;
  }

  /** A number from 0 up to, but not, `sides`. */
  roll(sides: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state % sides;
  }

  /** One of some things. */
  pick<T>(things: readonly T[]): T {
    const thing = things[this.roll(things.length)];
    if (thing === undefined) throw new Error("There is nothing to pick from");
    return thing;
  }
}

const SPACE = 0x20;

/** Words that parsers trip over. */
const WORDS = [
  "",
  "-",
  "0",
  "-1",
  "65535",
  "65536",
  "4294967296",
  "0.0.0.0",
  "127.0.0.1",
  "255.255.255.255",
  "10.10.1.1",
  "192.0.2.20",
  "fd00::1",
  "1e3",
  "0x10",
  "\u0000",
  "\u00ff\u00fe",
  "S",
  "D",
  "OK",
  "%s%n",
  "x".repeat(130),
].map((word) => Uint8Array.from(word, (character) => character.charCodeAt(0)));

type Mutation = (bytes: Uint8Array, dice: Dice, others: readonly Uint8Array[]) => Uint8Array;

function splice(bytes: Uint8Array, at: number, deleted: number, added: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, at), ...added, ...bytes.subarray(at + deleted));
}

function randomBytes(dice: Dice, most: number): Uint8Array {
  return Uint8Array.from({ length: dice.roll(most) }, () => dice.roll(256));
}

/** Where the space-separated fields begin. */
function fieldStarts(bytes: Uint8Array): readonly number[] {
  const starts = [0];
  bytes.forEach((byte, i) => {
    if (byte === SPACE) starts.push(i + 1);
  });
  return starts;
}

function replaceField(bytes: Uint8Array, dice: Dice, word: Uint8Array): Uint8Array {
  const start = dice.pick(fieldStarts(bytes));
  const end = bytes.indexOf(SPACE, start);
  return splice(bytes, start, (end < 0 ? bytes.length : end) - start, word);
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, dice) => {
    const copy = bytes.slice();
    if (copy.length > 0) copy[dice.roll(copy.length)] = dice.roll(256);
    return copy;
  },
  (bytes, dice) => {
    const copy = bytes.slice();
    const at = dice.roll(copy.length || 1);
    if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << dice.roll(8));
    return copy;
  },
  (bytes, dice) => splice(bytes, dice.roll(bytes.length + 1), dice.roll(8), new Uint8Array()),
  (bytes, dice) => splice(bytes, dice.roll(bytes.length + 1), 0, randomBytes(dice, 8)),
  (bytes, dice) => bytes.slice(0, dice.roll(bytes.length + 1)),
  (bytes, dice) => replaceField(bytes, dice, dice.pick(WORDS)),
  (bytes, dice) => replaceField(bytes, dice, randomBytes(dice, 12)),
  (bytes, dice, others) => {
    const other = dice.pick(others);
    const start = dice.pick(fieldStarts(other));
    const end = other.indexOf(SPACE, start);
    return replaceField(bytes, dice, other.subarray(start, end < 0 ? other.length : end));
  },
  (bytes, dice, others) => Uint8Array.of(...bytes, ...dice.pick(others)),
  (bytes, dice) => {
    const at = dice.pick(fieldStarts(bytes));
    return splice(bytes, at, 0, Uint8Array.of(SPACE));
  },
  (_, dice) => randomBytes(dice, 300),
];

/** A damaged copy of one of some samples; now and then an undamaged one. */
export function mutate(samples: readonly Uint8Array[], dice: Dice): Uint8Array {
  let bytes = dice.pick(samples);
  for (let n = dice.roll(4); n > 0; n--) bytes = dice.pick(MUTATIONS)(bytes, dice, samples);
  return bytes;
}
