import assert from "node:assert/strict";
import { COMMANDS, generate, readGolden } from "../../tests/golden/generators.ts";
import { DEFAULT_CONFIG } from "../config/commands.ts";
import { type Invocation, KAMAILIO_CFG, parseArguments } from "./args.ts";

interface Understood {
  readonly invocation: Invocation;
  readonly out: string;
  readonly error: string;
}

function understand(argv: readonly string[]): Understood {
  const heard = { out: "", error: "" };
  const invocation = parseArguments(argv, {
    out: (text) => heard.out += text,
    error: (text) => heard.error += text,
  });
  return { invocation, ...heard };
}

const config = DEFAULT_CONFIG;

const UNDERSTOOD: readonly (readonly [argv: readonly string[], Invocation])[] = [
  [[], { command: "status", options: { config } }],
  [["run"], { command: "run", options: { config } }],
  [["run", "--config", "/x.ini"], { command: "run", options: { config: "/x.ini" } }],
  [["run", "--config=/x.ini"], { command: "run", options: { config: "/x.ini" } }],
  [["run", "-c", "/x.ini"], { command: "run", options: { config: "/x.ini" } }],
  [["status"], { command: "status", options: { config } }],
  [["status", "--json"], { command: "status", options: { config, json: true } }],
  [["status", "--socket", "/a"], { command: "status", options: { config, socket: "/a" } }],
  [["sessions"], { command: "sessions", options: { config } }],
  [["sessions", "--json", "-c", "/x.ini", "--socket", "/a"], {
    command: "sessions",
    options: { config: "/x.ini", json: true, socket: "/a" },
  }],
  [["show", "1a@phone"], { command: "show", callId: "1a@phone", options: { config } }],
  [["show", "--json", "1a@phone"], {
    command: "show",
    callId: "1a@phone",
    options: { config, json: true },
  }],
  // A Call-ID may look like an option.
  [["show", "--", "--json"], { command: "show", callId: "--json", options: { config } }],
  [["drop", "1a@phone"], { command: "drop", callId: "1a@phone", options: { config } }],
  [["drop", "1a@phone", "--socket", "/a"], {
    command: "drop",
    callId: "1a@phone",
    options: { config, socket: "/a" },
  }],
  [["stop"], { command: "stop", options: { config } }],
  [["stop", "--drop"], { command: "stop", options: { config, drop: true } }],
  [["check-config"], { command: "check-config", options: { config } }],
  [["check-config", "-c", "x.ini"], { command: "check-config", options: { config: "x.ini" } }],
  [["demo"], { command: "demo", options: { seconds: 5 } }],
  [["demo", "--seconds", "1.5", "--json"], {
    command: "demo",
    options: { seconds: 1.5, json: true },
  }],
  [["doctor"], { command: "doctor", options: { config, kamailio: KAMAILIO_CFG } }],
  [["doctor", "--fix", "--json", "--socket", "/a", "--kamailio", "/k.cfg"], {
    command: "doctor",
    options: { config, fix: true, json: true, socket: "/a", kamailio: "/k.cfg" },
  }],
  [["version"], { command: "version", options: {} }],
  [["version", "--json"], { command: "version", options: { json: true } }],
];

Deno.test("parseArguments() understands every form of command line", () => {
  for (const [argv, expected] of UNDERSTOOD) {
    const { invocation, out, error } = understand(argv);
    assert.deepEqual({ ...invocation, options: optionsOf(invocation) }, expected, argv.join(" "));
    assert.deepEqual([out, error], ["", ""], argv.join(" "));
  }
});

function optionsOf(invocation: Invocation): unknown {
  return "options" in invocation ? { ...invocation.options } : null;
}

const MISUNDERSTOOD: readonly (readonly [argv: readonly string[], complaint: RegExp])[] = [
  [["shwo", "1a@phone"], /unknown command 'shwo'\n\(Did you mean show\?\)/],
  [["--nonsense"], /unknown option '--nonsense'\n\(lrkproxy --help explains the commands\)/],
  [["--json"], /unknown option '--json'/],
  [["status", "--nonsense"], /'--nonsense'\n\(lrkproxy status --help explains it\)/],
  [["status", "1a@phone"], /too many arguments for 'status'/],
  [["status", "--config"], /option '-c, --config <path>' argument missing/],
  [["show"], /missing required argument 'call-id'\n\(lrkproxy show --help explains it\)/],
  [["show", "1a", "2b"], /too many arguments for 'show'/],
  [["show", "-a"], /unknown option '-a'/],
  [["drop"], /missing required argument 'call-id'/],
  [["drop", "1a@phone", "--json"], /unknown option '--json'/],
  [["run", "--socket", "/a"], /unknown option '--socket'/],
  [["stop", "--json"], /unknown option '--json'/],
  [["check-config", "x.ini"], /too many arguments for 'check-config'/],
  [["demo", "--seconds"], /option '--seconds <n>' argument missing/],
  [["help", "nonsense"], /^Usage: lrkproxy /],
];

Deno.test("parseArguments() answers wrong usage on stderr, with 2", () => {
  for (const [argv, complaint] of MISUNDERSTOOD) {
    const { invocation, out, error } = understand(argv);
    assert.deepEqual(invocation, { command: "none", exitCode: 2 }, argv.join(" "));
    assert.equal(out, "", argv.join(" "));
    assert.match(error, complaint);
  }
});

Deno.test("parseArguments() says which numbers of seconds it takes", () => {
  for (const seconds of ["x", "0", "0.9", "3601", "-1", "", "1e9", "Infinity"]) {
    const { invocation, error } = understand(["demo", `--seconds=${seconds}`]);
    assert.deepEqual(invocation, { command: "none", exitCode: 2 }, seconds);
    assert.ok(error.includes(`'--seconds <n>' argument '${seconds}' is invalid`), error);
    assert.match(error, /It must be a number from 1 to 3600/);
  }
});

Deno.test("parseArguments() prints help on stdout, with 0", () => {
  const forms = ["lrkproxy", ...COMMANDS].flatMap((name) => {
    const words = name === "lrkproxy" ? [] : [name];
    return [[...words, "--help"], [...words, "-h"], ["help", ...words]];
  });
  for (const argv of forms) {
    const { invocation, out, error } = understand(argv);
    assert.deepEqual(invocation, { command: "none", exitCode: 0 }, argv.join(" "));
    assert.match(out, /^Usage: lrkproxy /);
    assert.equal(error, "");
  }
});

for (const name of ["lrkproxy", ...COMMANDS]) {
  Deno.test(`the help of ${name} is the golden file`, () => {
    assert.equal(generate(`help/${name}.txt`), readGolden(`help/${name}.txt`));
  });
}

Deno.test("the help of lrkproxy names every command", () => {
  const listed = generate("help/lrkproxy.txt").matchAll(/^ {2}([a-z-]+) \[options\]/gm);
  assert.deepEqual([...listed].map(([, name]) => name), COMMANDS);
});
