import { strict as assert } from "node:assert";
import { COMMANDS } from "../golden/generators.ts";
import { onTerminal, type Printed, withoutReader } from "../support/terminal.ts";
import { lrkproxy, PROGRAM } from "./daemon.ts";
import { CALL } from "./kamailio.ts";
import { openWorld, type World } from "./world.ts";

/** Every command that answers, but those that end what the others look at. */
function answering(world: World): readonly (readonly string[])[] {
  const config = ["--config", world.daemon.configPath];
  const reading = [
    ["status"],
    ["sessions"],
    ["show", CALL.id],
    ["path", "all", "auto"],
  ];
  return [
    ["version"],
    ["--version"],
    ["--help"],
    ...COMMANDS.map((command) => [command, "--help"]),
    ...["status", "sessions", "reload", "doctor", "version"].map((command) =>
      command === "version" ? [command, "--json"] : [command, "--json", ...config]
    ),
    ...reading.map((words) => [...words, ...config]),
    ["check-config", ...config],
    ["doctor", ...config],
  ];
}

/** Those that end with a complaint. */
function complaining(world: World): readonly (readonly string[])[] {
  const config = ["--config", world.daemon.configPath];
  return [
    ["show", "unknown@test", ...config],
    ["shwo"],
    ["run", "--config", `${world.daemon.folder}/none.ini`],
    ["status", "--socket", `${world.daemon.folder}/none.sock`],
  ];
}

/** A text without what differs from one moment to the next: numbers, and blanks that make columns of them. */
function shape(text: string): string {
  return text.replace(/[0-9]+(\.[0-9]+)?/g, "0").replace(/ +/g, " ");
}

/** Throws unless a command prints the same here and there. The machine that the doctor looks at may change meanwhile. */
async function agree(args: readonly string[]): Promise<void> {
  for (let triesLeft = 5;; triesLeft--) {
    const { code, out, error } = await lrkproxy(...args);
    const terminal = await onTerminal(PROGRAM, args);
    const [here, there] = [shape(terminal.printed), shape(out + error)];
    if (here === there && terminal.code === code) return;
    if (triesLeft > 1) continue;
    assert.equal(here, there, args.join(" "));
    assert.equal(terminal.code, code, args.join(" "));
  }
}

Deno.test("on a terminal every command prints what it prints into pipes, and nothing else", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  for (const args of [...answering(world), ...complaining(world)]) {
    await agree(args);
  }
});

Deno.test("the demonstration prints nothing of the runtime's on a terminal", async () => {
  const { code, printed } = await onTerminal(PROGRAM, ["demo", "--seconds", "1"]);
  assert.equal(code, 0, printed);
  assert.match(printed, /^caller 10\.10\.1\.10 <-> relay /);
  assert.match(printed, /The two endpoints hear each other through the kernel\.\n$/);
});

Deno.test("whoever reads the output may go: every command ends with 141 and without a word", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  for (const args of [...answering(world), ["demo", "--seconds", "1"]]) {
    const expected: Printed = { code: 141, printed: "" };
    assert.deepEqual(await withoutReader(PROGRAM, args), expected, args.join(" "));
  }
});

Deno.test("a disk that is full is not taken for a reader that has gone", async () => {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$0" version >/dev/full', PROGRAM],
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /^lrkproxy: No space left on device/);
});
