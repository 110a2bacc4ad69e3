/** What of Kamailio's command line decides which script runs, and what it means. */
export interface CommandLine {
  /** `-f`; null for the one that was compiled in. */
  readonly file: string | null;
  /** `-A NAME` and `-A NAME=VALUE`. */
  readonly defines: ReadonlyMap<string, string>;
  /** Arguments of --subst, --substdef and --substdefs. */
  readonly substitutions: readonly (readonly [directive: string, expression: string])[];
  /** Values of `--modparam=lrkproxy:lrkproxy_sock:s:VALUE`. */
  readonly sockets: readonly string[];
}

/** Options with a value, as getopt(3) knows them in Kamailio 5.6 and 6.0. */
const SHORT_WITH_VALUE = "fmMbBlLnNWwtugPGQOaAxXY";
const LONG_WITH_VALUE = [
  "alias",
  "atexit",
  "debug",
  "domain",
  "loadmodule",
  "log-engine",
  "modparam",
  "server-id",
  "subst",
  "substdef",
  "substdefs",
];

/** Read Kamailio's arguments, behind the name of the program. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const options = optionsOf(words);
  const all = (name: string): readonly string[] =>
    options.flatMap(([option, value]) => option === name ? [value] : []);
  return {
    file: all("f").at(-1) ?? null,
    defines: new Map(all("A").map(nameAndValue)),
    substitutions: options.filter(([name]) => /^subst(def|defs)?$/.test(name)),
    sockets: all("modparam").flatMap((value) =>
      /^lrkproxy:lrkproxy_sock:s:(.*)$/.exec(value)?.[1] ?? []
    ),
  };
}

function nameAndValue(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

function optionsOf(words: readonly string[]): readonly (readonly [name: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") break;
    if (word.startsWith("--")) {
      const [name, value] = nameAndValue(word.slice(2));
      const isApart = !word.includes("=") && LONG_WITH_VALUE.includes(name);
      found.push([name, isApart ? words[++at] ?? "" : value]);
    } else if (word.startsWith("-")) {
      // `-DDEf FILE`: several letters in one word, the value behind the one that takes it.
      const taker = [...word.slice(1)].findIndex((letter) => SHORT_WITH_VALUE.includes(letter)) + 1;
      if (taker === 0) continue;
      const value = word.slice(taker + 1);
      found.push([word[taker] ?? "", value === "" ? words[++at] ?? "" : value]);
    }
  }
  return found;
}
