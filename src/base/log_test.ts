import assert from "node:assert/strict";
import { ManualClock } from "./clock.ts";
import { type ConsoleStream, type LogOptions, openLog, rateLimited } from "./log.ts";

const CONSOLE: LogOptions = { file: null, console: true, level: "debug" };

/** A console that keeps what is written. */
class MemoryStream implements ConsoleStream {
  text = "";

  constructor(readonly journald: boolean) {}

  writeLine(line: string): void {
    this.text += line;
  }
}

async function fileText(path: string, until: (text: string) => boolean): Promise<string> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const text = await Deno.readTextFile(path);
    if (until(text)) return text;
    assert.ok(performance.now() < deadline, `the log still holds only ${JSON.stringify(text)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("openLog() prefixes priorities when journald reads stderr", async () => {
  const stream = new MemoryStream(true);
  {
    await using log = openLog(CONSOLE, stream);
    log.debug("one");
    log.info("two", { port: 20000, peer: "192.0.2.1:5060" });
    log.warn("three", { suppressed: undefined, ok: false, none: null, big: 7n });
    log.error("four");
  }
  assert.equal(
    stream.text,
    "<7>one\n<6>two port=20000 peer=192.0.2.1:5060\n<4>three ok=false none=null big=7\n<3>four\n",
  );
});

Deno.test("openLog() writes time and level when a person reads stderr", async () => {
  const stream = new MemoryStream(false);
  {
    await using log = openLog({ ...CONSOLE, level: "info" }, stream);
    log.debug("hidden");
    log.warn("shown");
  }
  assert.match(stream.text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING shown\n$/);
});

Deno.test("openLog() keeps a hostile value inside its quotes and its line", async () => {
  const cases = [
    ["", '""'],
    ["a b", '"a b"'],
    ["a=b", '"a=b"'],
    ['say "hi"\\', '"say \\"hi\\"\\\\"'],
    ["x\n<3>forged\r\n", '"x\\x0a<3>forged\\x0d\\x0a"'],
    ["\x1b[2J\0\x7f\x85", '"\\x1b[2J\\x00\\x7f\\x85"'],
    ["a\u202eb\u2028c\ud800", '"a\\u{202e}b\\u{2028}c\\u{d800}"'],
    ["caf\u00e9-\u{1f600}", "caf\u00e9-\u{1f600}"],
    ["{port}", "{port}"],
  ] as const;
  const stream = new MemoryStream(true);
  {
    await using log = openLog(CONSOLE, stream);
    for (const [value] of cases) log.info("got {call}", { call: value });
    log.info("text\nwith a line break");
  }
  const expected = cases.map(([, quoted]) => `<6>got {call} call=${quoted}\n`).join("");
  assert.equal(stream.text, expected + "<6>text\\x0awith a line break\n");
});

Deno.test("openLog() writes a warning to the file at once and the rest soon", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/deep/lrkproxy.log`;
  try {
    await using log = openLog({ file: path, console: false, level: "info" });
    log.info("calm");
    assert.equal(await Deno.readTextFile(path), "");
    log.warn("urgent");
    const text = await fileText(path, (now) => now !== "");
    assert.match(text, /^\S+Z INFO calm\n\S+Z WARNING urgent\n$/);
    log.info("later");
    await fileText(path, (now) => now.endsWith("later\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openLog() appends, reopens after a rename, and flushes when it is closed", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/lrkproxy.log`;
  try {
    await Deno.writeTextFile(path, "before\n");
    {
      await using log = openLog({ file: path, console: false, level: "info" });
      log.info("first");
      await Deno.rename(path, `${path}.1`);
      log.reopen();
      log.info("second");
    }
    assert.match(await Deno.readTextFile(`${path}.1`), /^before\n\S+ INFO first\n$/);
    assert.match(await Deno.readTextFile(path), /^\S+ INFO second\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openLog() goes on in the old file when it cannot reopen", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/log/lrkproxy.log`;
  try {
    {
      await using log = openLog({ file: path, console: false, level: "info" });
      await Deno.rename(`${folder}/log`, `${folder}/old`);
      await Deno.writeTextFile(`${folder}/log`, "a file where the folder was");
      log.reopen();
    }
    assert.match(
      await Deno.readTextFile(`${folder}/old/lrkproxy.log`),
      /Going on in the old log file reason="Error: Cannot open log/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openLog() throws when the file cannot be opened", () => {
  assert.throws(
    () => openLog({ file: "/proc/nobody/x.log", console: false, level: "info" }),
    /^Error: Cannot open log \/proc\/nobody\/x\.log: /,
  );
});

Deno.test("rateLimited() lets a burst through and then says how many it held back", () => {
  const clock = new ManualClock();
  const limit = rateLimited(clock, { perSeconds: 10, burst: 2 });
  const heard = (events: number) => {
    const seen: (number | undefined)[] = [];
    for (let i = 0; i < events; i++) limit((suppressed) => seen.push(suppressed));
    return seen;
  };
  assert.deepEqual(heard(6), [undefined, undefined]);
  clock.advance(4999);
  assert.deepEqual(heard(1), []);
  clock.advance(2);
  assert.deepEqual(heard(1), [5]);
  clock.advance(100_000);
  assert.deepEqual(heard(3), [undefined, undefined]);
});

Deno.test("prepare() changes the options when it is committed, and not before", async () => {
  const folder = await Deno.makeTempDir();
  const [one, other] = [`${folder}/one.log`, `${folder}/other.log`];
  const stream = new MemoryStream(true);
  try {
    {
      await using log = openLog({ file: one, console: true, level: "info" }, stream);
      const aborted = log.prepare({ file: `${folder}/third.log`, console: false, level: "debug" });
      log.debug("hidden");
      aborted.abort();
      const prepared = log.prepare({ file: other, console: false, level: "debug" });
      log.info("before");
      prepared.commit();
      log.debug("after");
      log.prepare({ file: null, console: true, level: "warning" }).commit();
      log.info("hidden");
      log.warn("last");
    }
    assert.equal(stream.text, "<6>before\n<4>last\n");
    assert.match(await Deno.readTextFile(one), /^\S+ INFO before\n$/);
    assert.match(await Deno.readTextFile(other), /^\S+ DEBUG after\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prepare() opens a file of the same name anew", async () => {
  const folder = await Deno.makeTempDir();
  const options = { file: `${folder}/x.log`, console: false, level: "info" } as const;
  try {
    {
      await using log = openLog(options);
      log.info("first");
      await Deno.rename(options.file, `${options.file}.1`);
      log.prepare(options).commit();
      log.info("second");
    }
    assert.match(await Deno.readTextFile(`${options.file}.1`), /^\S+ INFO first\n$/);
    assert.match(await Deno.readTextFile(options.file), /^\S+ INFO second\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prepare() throws when the file cannot be opened, and nothing has changed", async () => {
  const stream = new MemoryStream(true);
  await using log = openLog({ ...CONSOLE, level: "info" }, stream);
  const impossible = { file: "/proc/nobody/x.log", console: false, level: "debug" } as const;
  assert.throws(() => log.prepare(impossible), /Cannot open log/);
  log.debug("hidden");
  log.info("shown");
  assert.equal(stream.text, "<6>shown\n");
});

Deno.test("openLog() hands the journal entries, and lines when it cannot take them", async () => {
  const entries: unknown[] = [];
  const stream = Object.assign(new MemoryStream(true), {
    journal: { write: (entry: unknown) => entries.push(entry) < 2 },
  });
  {
    await using log = openLog(CONSOLE, stream);
    log.warn("taken", { call: "1a@phone" });
    log.warn("not taken", { call: "1a@phone" });
  }
  assert.deepEqual(entries[0], {
    priority: 4,
    message: "taken call=1a@phone",
    fields: { call: "1a@phone" },
  });
  assert.equal(stream.text, "<4>not taken call=1a@phone\n");
});
