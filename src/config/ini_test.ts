import assert from "node:assert/strict";
import fc from "fast-check";
import { entriesOf, type IniDocument, parseIni } from "./ini.ts";

/** What the reader is held to, as JSON: null for a refused text, else section → key → value. */
type Reading = Record<string, Record<string, string>> | null;

// Reads each document twice: as this reader is specified, and as the legacy daemon read its file
// (there `%` was special; without it, and without a " ;" comment, the two must be one).
const ORACLE = `
import configparser, io, json, sys

def read(data, **options):
    parser = configparser.ConfigParser(interpolation=None, **options)
    try:
        parser.read_file(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig"))
    except configparser.Error:
        return None
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    return {**sections, "DEFAULT": dict(parser.defaults())}

for line in sys.stdin:
    data = json.loads(line).encode("utf-8")
    print(json.dumps([read(data, inline_comment_prefixes=(";",)), read(data)]), flush=True)
`;

function readingOf(document: IniDocument): Reading {
  const values = (entries: ReadonlyMap<string, { value: string }>) =>
    Object.fromEntries([...entries].map(([key, entry]) => [key, entry.value]));
  const sections = [...document.sections].map(([name, section]) =>
    [name, values(entriesOf(document, section))] as const
  );
  return Object.fromEntries([...sections, ["DEFAULT", values(document.defaults)]]);
}

/** One python3 that answers document after document. */
class Oracle implements AsyncDisposable {
  readonly #process = new Deno.Command("python3", {
    args: ["-c", ORACLE],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  readonly #input = this.#process.stdin.getWriter();
  readonly #output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  #rest = "";

  async read(text: string): Promise<[inline: Reading, legacy: Reading]> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(text) + "\n"));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("python3 ended early");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const answer = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#output.cancel();
    await this.#process.status;
  }
}

async function assertAgrees(oracle: Oracle, text: string): Promise<void> {
  const [expected, legacy] = await oracle.read(text);
  const result = parseIni(text);
  const actual = result.ok ? readingOf(result.value) : null;
  assert.deepEqual(actual, expected);
  const mayHaveInlineComment = /[^\w\r\n];/.test(text);
  if (!mayHaveInlineComment) assert.deepEqual(actual, legacy);
}

const NASTY = [
  "",
  "\ufeff[a]\nk = 1",
  "\ufeff\ufeff[a]\nk = 1",
  "[a]\r\nk : 1\r\n\r\n  2\r\n",
  "[a]\rk=1\r",
  "k = 1",
  "; only\n# comments",
  "[a]\nk",
  "[a]\nk =",
  "[a]\n= v",
  "[a]\n : v",
  "[a]\nk = v ; c\nl = v;c\nm = v # c\nn = ;c\no =; c",
  "[a]\nk = v\n ; c\n  more ; c\n\n\n  end\n\n",
  "[a]\nk = v\n# c\n  more",
  "[a]\nk = v\n  [b]\n  l = 2",
  "[a]\n  k = v\n   deeper = x\n  l = w\n m = u",
  "[a]\n  k = v\n[b]\nl = w",
  "[a]\n\tk = v\n  l = w",
  "[a]\nk = 1\nK = 2",
  "[a]\nk = 1\n[a]\nl = 2",
  "[DEFAULT]\nk = 1\n[a]\n[DEFAULT]\nl = 2\n[b]\nk = 3",
  "[DEFAULT]\nk = 1\n[DEFAULT]\nk = 2",
  "[default]\nk = 1\n[a]",
  "[a]b]\nk = 1\n[a] junk\nk = 2\n[]",
  "[]]\nk = 1",
  "[ a ]\nk = 1\n[a]\nk = 2",
  "[a\nk = 1",
  "[a];c\nk = 1\n[b] ;c\nk = 2",
  "  [a]\nk = 1",
  "[a]\nk == 1\nl := 2\nm = = 3\nn =: 4",
  "[a]\nk k : a b\nl\t=\tc\td",
  '[a]\nk = "quoted ; text"\nl = \'x\'\nm = "',
  "[a]\nk = %(l)s %% %\n",
  "[a]\nk = 1\x0c\n\x1cl\x1d=\x1e2\x1f\n\x85m = 3\u2028n = 4",
  "[a]\n\u00a0k = 1\n\u3000l = 2\n\u3000\u3000m = 3",
  "[a]\nK\u0130 = 1\nSTRASSE\u1e9e = 2\n\u039f\u0394\u039f\u03a3 = 3",
  "[a]\nk = \0\n\0 = 1",
  "[__proto__]\n__proto__ = 1\nconstructor = 2",
  "[a]\nk\n  l = 1",
  "[a]\n;\n#\n ;\n\t#\nk = 1",
];

const TOKENS = [
  ..."[]=:;#% \t\n\r\"'\\abA0\0",
  "\n",
  "\n",
  " ;",
  " #",
  "\r\n",
  "\n ",
  "\n\n",
  "[a]\n",
  "\n[DEFAULT]\n",
  "k = 1\n",
  "  K : v\n",
  "\u00a0",
  "\x1c",
  "\x85",
  "\u2028",
  "\ufeff",
  "\u0130",
  "\u03a3",
];

const soup = fc.array(fc.constantFrom(...TOKENS), { maxLength: 40 }).map((parts) => parts.join(""));
const anything = fc.string({ unit: "binary", maxLength: 60 }).filter((text) => text.isWellFormed());

const blank = fc.constantFrom("", "", "", " ", "  ", "\t", "   ");
const word = fc.constantFrom("a", "b", "Key", "KEY", "long key", "x1", "\u00e9");
const value = fc.oneof(
  word,
  fc.constantFrom("", "1 ; c", "1;c", '"q ; r"', "a = b", "a: b", "#", "%"),
);
const line = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(blank, word).map(([pad, name]) => `${pad}[${name}]`) },
  { weight: 1, arbitrary: fc.constant("[DEFAULT]") },
  {
    weight: 6,
    arbitrary: fc.tuple(blank, word, blank, fc.constantFrom("=", ":"), blank, value, blank)
      .map((parts) => parts.join("")),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(blank, fc.constantFrom("#", ";"), value).map((p) => p.join("")),
  },
  { weight: 1, arbitrary: blank },
  { weight: 1, arbitrary: fc.tuple(blank, value).map((parts) => parts.join("")) },
);
const plausible = fc.tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom("\n", "\r\n", "\r"))
  .map(([lines, end]) => "[first]" + end + lines.join(end));

Deno.test("parseIni() agrees with Python's configparser on any text", async () => {
  await using oracle = new Oracle();
  for (const text of NASTY) await assertAgrees(oracle, text);
  const documents = fc.oneof(
    { weight: 3, arbitrary: plausible },
    { weight: 2, arbitrary: soup },
    { weight: 1, arbitrary: soup.map((text) => "[a]\n" + text) },
    { weight: 1, arbitrary: anything },
  );
  await fc.assert(fc.asyncProperty(documents, (text) => assertAgrees(oracle, text)), {
    numRuns: 2500,
  });
});

Deno.test("parseIni() gives the line of every section and key", () => {
  const result = parseIni("; c\n\n[a]\nk = 1\n  more\n\n[b c]\r\n# c\nl : 2");
  assert.ok(result.ok);
  const { sections } = result.value;
  assert.deepEqual([...sections].map(([name, section]) => [name, section.line]), [
    ["a", 3],
    ["b c", 7],
  ]);
  assert.deepEqual(sections.get("a")?.entries.get("k"), { value: "1\nmore", line: 4 });
  assert.deepEqual(sections.get("b c")?.entries.get("l"), { value: "2", line: 9 });
});

Deno.test("parseIni() reports every line it cannot read", () => {
  const result = parseIni("x = 1\ny = 2\n[a]\nk = 1\nK : 2\n  more\nword\n= 3\n[a]\nk = 4\n");
  assert.ok(!result.ok);
  assert.deepEqual(result.error.errors, [
    { line: 1, message: 'no [section] header before "x = 1"' },
    { line: 5, message: "[a] k is set already, in line 4" },
    { line: 7, message: '"word" is not of the form key = value' },
    { line: 8, message: '"= 3" is not of the form key = value' },
    { line: 9, message: "section [a] is there already, in line 3" },
  ]);
  assert.deepEqual(readingOf(result.error.rest), { a: { k: "1" }, DEFAULT: {} });
});
