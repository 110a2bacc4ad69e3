/** Damage to a piece of text, of a header or of SDP alike. One character is one byte. */
import type { Dice } from "../../fuzz/mutate.ts";

/** Numbers that counters, ports and lengths are not meant to be. */
export const NUMBERS: readonly string[] = [
  "0",
  "1",
  "-1",
  "00000000000000000020",
  "65534",
  "65535",
  "65536",
  "99999",
  "2147483647",
  "2147483648",
  "4294967295",
  "4294967296",
  "18446744073709551616",
  "1e9",
  "0x1f90",
  "9".repeat(40),
];

/** Bytes that text is not meant to have. */
const ODD_BYTES = [
  "\x00",
  "\x01",
  "\x7f",
  "\x80",
  "\xc3",
  "\xff",
  "\xef\xbb\xbf",
  "%n%s",
  '"',
  "\\",
];

/** The text with some characters at an offset replaced. */
export function splice(text: string, at: number, deleted: number, added: string): string {
  return text.slice(0, at) + added + text.slice(at + deleted);
}

/** One bit of one byte turned over. A character that is no byte stays. */
export function flipBit(text: string, dice: Dice): string {
  if (text === "") return text;
  const at = dice.roll(text.length);
  const code = text.charCodeAt(at);
  return code > 0xff ? text : splice(text, at, 1, String.fromCharCode(code ^ (1 << dice.roll(8))));
}

/** One byte replaced by any other. */
export function replaceByte(text: string, dice: Dice): string {
  if (text === "") return text;
  const at = dice.roll(text.length);
  const code = text.charCodeAt(at);
  return code > 0xff
    ? text
    : splice(text, at, 1, String.fromCharCode((code + 1 + dice.roll(255)) % 256));
}

/** The end lost. */
export function truncate(text: string, dice: Dice): string {
  return text.slice(0, dice.roll(text.length || 1));
}

/** One of its numbers replaced by one that it is not meant to be. */
export function replaceNumber(text: string, dice: Dice): string {
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return text;
  const { 0: digits, index } = dice.pick(numbers);
  return splice(text, index, digits.length, dice.pick(NUMBERS));
}

/** Upper case for lower and the other way round, of all or of one letter. */
export function changeCase(text: string, dice: Dice): string {
  const letters = [...text.matchAll(/[A-Za-z]+/g)];
  if (letters.length === 0) return text;
  const { 0: word, index } = dice.pick(letters);
  const upper = word.toUpperCase();
  return splice(text, index, word.length, word === upper ? word.toLowerCase() : upper);
}

/** White space where there was none, or more of it. */
export function addSpace(text: string, dice: Dice): string {
  const at = dice.pick([0, text.length, dice.roll(text.length + 1)]);
  return splice(text, at, 0, dice.pick([" ", "\t", "  ", "    ", " \t "]));
}

/** A byte that is no printable ASCII, or one with a meaning, put in. */
export function addOddByte(text: string, dice: Dice): string {
  return splice(text, dice.roll(text.length + 1), 0, dice.pick(ODD_BYTES));
}

/** One of a list replaced by what a function makes of it. */
export function changeOne<T>(list: readonly T[], dice: Dice, change: (one: T) => T): readonly T[] {
  if (list.length === 0) return list;
  const at = dice.roll(list.length);
  return list.map((one, i) => i === at ? change(one) : one);
}

/** One of a list lost. */
export function deleteOne<T>(list: readonly T[], dice: Dice): readonly T[] {
  const at = dice.roll(list.length || 1);
  return list.filter((_, i) => i !== at);
}

/** One of a list twice, or many times. */
export function repeatOne<T>(list: readonly T[], dice: Dice): readonly T[] {
  const at = dice.roll(list.length || 1);
  const times = dice.pick([2, 2, 2, 3, 12, 40]);
  return list.flatMap((one, i) => i === at ? Array.from({ length: times }, () => one) : [one]);
}

/** Two neighbours, or any two, in each other's place. */
export function swapTwo<T>(list: readonly T[], dice: Dice): readonly T[] {
  if (list.length < 2) return list;
  const one = dice.roll(list.length - 1);
  const other = dice.roll(2) === 0 ? one + 1 : dice.roll(list.length);
  return list.map((item, i) => (i === one ? list[other] : i === other ? list[one] : item) ?? item);
}
