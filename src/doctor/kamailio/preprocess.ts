/*
 * Kamailio's preprocessor, as far as it decides what a script says: defines stand for identifiers
 * outside of strings, substitutions change strings, and what an #!ifdef leaves out is not there.
 * See src/core/cfg.lex of Kamailio, 5.6 to 6.0.
 */

/** What the preprocessor knows before the first line. */
export interface PreprocessorInput {
  /** Names and their values, as `-A` and the version of Kamailio give them. */
  readonly defines?: ReadonlyMap<string, string>;
  /** Arguments of --subst, --substdef and --substdefs. */
  readonly substitutions?: readonly (readonly [directive: string, expression: string])[];
  /** Environment variables, for #!defenv; null where they are not known. */
  readonly environment?: ReadonlyMap<string, string> | null;
  /** The text of a file that `file` includes by `name`, and its own path; null if there is none. */
  readonly include?: (name: string, file: string) => IncludedFile | null;
}

/** A file named by include_file or import_file. */
export interface IncludedFile {
  readonly path: string;
  readonly text: string;
}

/** A script without comments and directives. */
export interface Preprocessed {
  readonly text: string;
  /** What depends on an #!ifexp, which only Kamailio evaluates: part of `text` as well. */
  readonly uncertain: string;
}

/** Stands for a value that only Kamailio knows; no script can contain it. */
export const UNKNOWN = "\0";

const DEEPEST_INCLUDE = 8;
const DEEPEST_DEFINE = 16;

const DEFINE = "(?:try|re)?def(?:ine)?";
const DEFINE_ELSEWHERE = "(?:try)?def(?:env|exp)s?";
const SUBSTITUTE = "subst(?:defs?)?";
const INCLUDE = "(?:include|import)_file";
const CONDITION = "ifdef|ifndef|ifexp|else|endif";
const DIRECTIVES = [DEFINE, DEFINE_ELSEWHERE, SUBSTITUTE, INCLUDE, CONDITION].join("|");
const TOKEN = new RegExp(
  [
    String.raw`(?<string>"(?:[^"\\]|\\[\s\S])*"|'[^']*')`,
    String.raw`(?<comment>/\*[\s\S]*?(?:\*/|$)|(?://|#(?!!)).*)`,
    String.raw`(?:#!|!!)(?<directive>${DIRECTIVES})\b[ \t]*(?<rest>(?:\\\r?\n|.)*)`,
    String.raw`(?<other>#!.*)`,
    String.raw`(?<name>[A-Za-z_]\w*)`,
    String.raw`[\s\S]`,
  ].join("|"),
  "g",
);
const NEXT_CONDITION = new RegExp(`(?:#!|!!)(${CONDITION})\\b[ \\t]*(.*)`, "g");
const isOne = (of: string, directive: string): boolean => new RegExp(`^(?:${of})$`).test(directive);
interface Branch {
  isTaken: boolean;
  readonly isUncertain: boolean;
}

interface Substitution {
  readonly pattern: RegExp;
  readonly replacement: string;
}

/** Evaluate the directives of a script; `path` is what it includes other files from. */
export function preprocess(text: string, path = "", input: PreprocessorInput = {}): Preprocessed {
  const run = new Preprocessor(input);
  for (const [directive, expression] of input.substitutions ?? []) {
    run.substitute(directive, expression);
  }
  run.read(text, path, 0);
  return { text: run.out.join(""), uncertain: run.uncertain.join("") };
}

class Preprocessor {
  readonly out: string[] = [];
  readonly uncertain: string[] = [];
  readonly #input: PreprocessorInput;
  readonly #defines: Map<string, string>;
  readonly #substitutions: Substitution[] = [];
  readonly #branches: Branch[] = [];
  #lastName = "";

  constructor(input: PreprocessorInput) {
    this.#input = input;
    this.#defines = new Map(input.defines);
  }

  /** Read a file; conditions that it leaves open go on behind it, as they do in Kamailio. */
  read(text: string, path: string, depth: number): void {
    let at = 0;
    while (at < text.length) {
      at = this.#isSkipping ? this.#skip(text, at) : this.#take(text, at, { path, depth });
    }
  }

  /** `#!subst "/regexp/replacement/flags"`; the other two make a define of it as well. */
  substitute(directive: string, expression: string): void {
    const [separator = "/"] = expression;
    const [, from = "", to = "", flags = ""] = expression.split(separator);
    try {
      const pattern = new RegExp(from, flags.replaceAll(/[^gi]/g, ""));
      const replacement = to.replaceAll("$", "$$$$").replaceAll(/\\(\d)/g, "$$$1");
      this.#substitutions.push({ pattern, replacement });
    } catch {
      // A regular expression of another kind: all strings are uncertain from here on.
      this.#substitutions.push({ pattern: /^/, replacement: UNKNOWN });
    }
    if (directive === "substdef") this.#define("define", from, to);
    if (directive === "substdefs") this.#define("define", from, `"${to}"`);
  }

  get #isSkipping(): boolean {
    return this.#branches.some(({ isTaken }) => !isTaken);
  }

  get #isUncertain(): boolean {
    return this.#branches.some(({ isUncertain }) => isUncertain);
  }

  /** Go on to the next condition: nothing else counts in what is left out, not even a comment. */
  #skip(text: string, at: number): number {
    NEXT_CONDITION.lastIndex = at;
    const found = NEXT_CONDITION.exec(text);
    if (!found) return text.length;
    this.#condition(found[1] ?? "", found[2] ?? "");
    return found.index + found[0].length;
  }

  #take(
    text: string,
    at: number,
    where: { readonly path: string; readonly depth: number },
  ): number {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const [whole = ""] = found ?? [];
    const { string, comment, directive, rest = "", other, name } = found?.groups ?? {};
    if (directive !== undefined) this.#direct(directive, rest, where);
    else if (comment !== undefined || other !== undefined) this.#emit(" ");
    else if (string !== undefined) this.#emitString(string);
    else if (name === "include_file" || name === "import_file") {
      return at + whole.length + this.#includeFrom(text.slice(at + whole.length), where);
    } else if (name !== undefined) this.#emitName(name, 0);
    else this.#emit(whole);
    return at + Math.max(1, whole.length);
  }

  #direct(
    directive: string,
    rest: string,
    where: { readonly path: string; readonly depth: number },
  ): void {
    const argument = rest.replaceAll(/\\\r?\n/g, "").replace(/\r$/, "");
    if (isOne(CONDITION, directive)) {
      this.#condition(directive, argument);
    } else if (isOne(DEFINE, directive)) {
      const [, name = "", value = ""] = /^(\w+)[ \t]*(.*)$/.exec(argument) ?? [];
      this.#define(directive, name, value);
    } else if (isOne(SUBSTITUTE, directive)) {
      const [quoted = ""] = /"(?:[^"\\]|\\.)*"/.exec(argument) ?? [];
      this.substitute(directive, quoted.slice(1, -1));
    } else if (isOne(DEFINE_ELSEWHERE, directive)) {
      this.#defineElsewhere(directive, argument);
    } else {
      this.#includeFrom(argument, where);
    }
  }

  #condition(directive: string, argument: string): void {
    const [name = ""] = /^\w+/.exec(argument) ?? [];
    const last = this.#branches.at(-1);
    if (directive === "endif") this.#branches.pop();
    else if (directive === "ifexp") this.#branches.push({ isTaken: true, isUncertain: true });
    else if (directive !== "else") {
      const isTaken = this.#defines.has(name) === (directive === "ifdef");
      this.#branches.push({ isTaken, isUncertain: false });
    } else if (last && !last.isUncertain) last.isTaken = !last.isTaken;
  }

  /** Kamailio does not start with a second #!define of a name, so the first one is what counts. */
  #define(directive: string, name: string, value: string): void {
    const isAgain = directive.startsWith("redef");
    if (name === "" || this.#defines.has(name) && !isAgain && !this.#isUncertain) return;
    this.#defines.set(name, this.#isUncertain ? UNKNOWN : value);
  }

  /** `#!defenv NAME` or `#!defenv NAME=VARIABLE`, and `#!defexp NAME expression`. */
  #defineElsewhere(directive: string, argument: string): void {
    const [, name = "", variable = name] = /^(\w+)(?:=(\w+))?/.exec(argument) ?? [];
    const isExpression = directive.includes("exp");
    const environment = this.#input.environment ?? null;
    const value = isExpression || environment === null ? UNKNOWN : environment.get(variable);
    if (value === undefined) return;
    const isText = directive.endsWith("s") && value !== UNKNOWN;
    this.#define(
      directive.startsWith("try") ? "trydef" : "define",
      name,
      isText ? `"${value}"` : value,
    );
  }

  /** Read the file that a string names; the answer is the length of that string in `text`. */
  #includeFrom(
    text: string,
    { path, depth }: { readonly path: string; readonly depth: number },
  ): number {
    const [whole = "", name = ""] = /^[ \t]*"([^"\n]*)"/.exec(text) ?? [];
    const file = depth < DEEPEST_INCLUDE && name !== ""
      ? this.#input.include?.(this.#changed(name), path) ?? null
      : null;
    if (file) this.read(file.text, file.path, depth + 1);
    return whole.length;
  }

  /** A name stands for its define, whose text is read like any other. */
  #emitName(name: string, depth: number): void {
    const value = this.#defines.get(name);
    if (value === undefined || depth === DEEPEST_DEFINE) {
      this.#lastName = name;
      return this.#emit(name);
    }
    // matchAll() goes by where the last search has ended.
    TOKEN.lastIndex = 0;
    for (const { 0: whole, groups } of value.matchAll(TOKEN)) {
      if (groups?.["string"] !== undefined) this.#emitString(whole);
      else if (groups?.["name"] !== undefined) this.#emitName(whole, depth + 1);
      else if (groups?.["comment"] === undefined) this.#emit(whole);
    }
  }

  #emitString(quoted: string): void {
    const [quote = ""] = quoted;
    const value = this.#changed(quoted.slice(1, -1));
    const module = /([^/]+?)(\.so)?$/.exec(value)?.[1];
    if (this.#lastName.startsWith("loadmodule") && module) this.#defines.set(`MOD_${module}`, "");
    this.#lastName = "";
    this.#emit(`${quote}${value}${quote}`);
  }

  #changed(text: string): string {
    return this.#substitutions.reduce(
      (changed, { pattern, replacement }) => changed.replace(pattern, replacement),
      text,
    );
  }

  #emit(text: string): void {
    this.out.push(text);
    if (this.#isUncertain) this.uncertain.push(text);
  }
}

/** What Kamailio defines by itself: `KAMAILIO_5`, `KAMAILIO_5_6` and `KAMAILIO_5_6_3`. */
export function versionDefines(version: string | null): readonly (readonly [string, string])[] {
  const numbers = /^\d+(\.\d+)*/.exec(version ?? "")?.[0].split(".") ?? [];
  return numbers.map((_, i) => [`KAMAILIO_${numbers.slice(0, i + 1).join("_")}`, ""]);
}
