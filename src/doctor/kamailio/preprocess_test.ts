import assert from "node:assert/strict";
import { preprocess, type PreprocessorInput, UNKNOWN, versionDefines } from "./preprocess.ts";

/** The text that is left, its blanks squeezed. */
function left(text: string, input: PreprocessorInput = {}, path = "/etc/k.cfg"): string {
  return preprocess(text, path, input).text.replaceAll(/\s+/g, " ").trim();
}

Deno.test("preprocess() does to a script what Kamailio does", () => {
  const cases: readonly (readonly [text: string, left: string, defines?: readonly string[]])[] = [
    ["a # b\nc /* d */ e // f\n", "a c e"],
    ['"# no comment"', '"# no comment"'],
    ['#!define A 1\nA "A" AB', '1 "A" AB'],
    ["!!define A 1\nA", "1"],
    ["# #!define A 1\nA", "A"],
    ["#!define A B\n#!define B 2\nA", "2"],
    ["#!define A one \\\n  two\nA", "one two"],
    ["#!trydef A 2\nA", "1", ["A=1"]],
    ["#!redefine A 2\nA", "2", ["A=1"]],
    ['#!substdef "!HOST!10.0.0.9!g"\n"udp:HOST:1" HOST', '"udp:10.0.0.9:1" 10.0.0.9'],
    ['#!substdefs "!HOST!x!g"\nHOST', '"x"'],
    ['#!subst "/1(2)/<\\1>/"\n"1212"', '"<2>12"'],
    ["#!ifdef A\na\n#!else\nb\n#!endif\nc", "b c"],
    ["#!ifdef A\na\n#!else\nb\n#!endif\nc", "a c", ["A"]],
    ["!!ifndef A\na\n!!endif\nc", "a c"],
    ["#!ifdef A\n#!ifdef B\na\n#!else\nb\n#!endif\n/* \n#!endif\nc", "c", ["B"]],
    ["#!ifdef A\n#!define B 1\n#!endif\nB", "B"],
    ['loadmodule "x/tm.so"\n#!ifdef MOD_tm\na\n#!endif', 'loadmodule "x/tm.so" a'],
    ["if (!!$x) a", "if (!!$x) a"],
    ["#!KAMAILIO\na", "a"],
  ];
  for (const [text, expected, defines = []] of cases) {
    const given = new Map(defines.map((each): [string, string] => {
      const [name = "", value = ""] = each.split("=");
      return [name, value];
    }));
    assert.equal(left(text, { defines: given }), expected, text);
  }
});

Deno.test("preprocess() reads files where they are included, unless that is left out", () => {
  const files: Readonly<Record<string, string>> = {
    "/etc/a.cfg": '#!define A 1\nimport_file "sub/b.cfg"\n',
    "/etc/sub/b.cfg": "from_b\n",
  };
  const asked: string[] = [];
  const include = (name: string, file: string) => {
    asked.push(`${file}: ${name}`);
    const path = `/etc/${name}`;
    const text = files[path];
    return text === undefined ? null : { path, text };
  };
  const text =
    'include_file "a.cfg"\nA\n#!ifdef NO\ninclude_file "x"\n#!endif\n#!import_file "none"\nz';
  assert.equal(left(text, { include }), "from_b 1 z");
  assert.deepEqual(asked, ["/etc/k.cfg: a.cfg", "/etc/a.cfg: sub/b.cfg", "/etc/k.cfg: none"]);
});

Deno.test("preprocess() ends with files and defines that stand for themselves", () => {
  const include = () => ({ path: "/etc/k.cfg", text: 'x\ninclude_file "k.cfg"\n' });
  assert.match(left('include_file "k.cfg"', { include }), /^x( x)*$/);
  assert.equal(left("#!define A A\nA"), "A");
});

Deno.test("preprocess() does not guess what only Kamailio evaluates", () => {
  const either = preprocess(
    "#!ifexp 1 > 2\na\n#!define A 1\n#!else\nb\n#!define A 2\n#!endif\nc A",
  );
  assert.equal(either.uncertain.replaceAll(/\s+/g, ""), "ab");
  assert(either.text.includes(UNKNOWN));
  assert.equal(left("#!defexp A 1 + 1\nA"), UNKNOWN);
  assert.equal(left("#!defenvs A=HOME\nA"), UNKNOWN);
  const environment = new Map([["HOME", "/x"]]);
  assert.equal(left("#!defenvs A=HOME\n#!defenv HOME\nA HOME", { environment }), '"/x" /x');
  assert.equal(left("#!defenv NONE\nNONE", { environment }), "NONE");
});

Deno.test("preprocess() begins with what the command line says", () => {
  const substitutions = [["substdef", "!HOST!10.0.0.9!"]] as const;
  assert.equal(left('"HOST" HOST', { substitutions }), '"10.0.0.9" 10.0.0.9');
  assert.deepEqual(versionDefines("5.6.3").map(([name]) => name), [
    "KAMAILIO_5",
    "KAMAILIO_5_6",
    "KAMAILIO_5_6_3",
  ]);
  assert.deepEqual(versionDefines(null), []);
});
