import assert from "node:assert/strict";
import {
  DRAIN,
  HOSTILE_CALL_ID,
  RELOAD,
  REPORTS,
  SESSIONS,
  STATUS,
} from "../../tests/golden/views.ts";
import { VERSION } from "../base/version.ts";
import type { Config } from "../config/config.ts";
import { type AdminRequest, type Answerer, SCHEMA, serveAdmin } from "../control/admin.ts";
import { type HeavyCommands, ReaderGone, runCli } from "./cli.ts";

const LIGHT: HeavyCommands = {
  run: () => Promise.reject(new Error("No test runs a daemon")),
  demo: () => Promise.reject(new Error("No test runs the demo")),
  doctor: () => Promise.reject(new Error("No test runs the doctor")),
  examine: () => Promise.resolve([]),
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function run(argv: readonly string[], heavy: Partial<HeavyCommands> = {}): Promise<Ran> {
  const heard = { out: "", error: "" };
  const output = {
    out: (text: string) => heard.out += text,
    error: (text: string) => heard.error += text,
  };
  return { code: await runCli(argv, output, { ...LIGHT, ...heavy }), ...heard };
}

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function tempFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir({ dir: "/tmp", prefix: "lrkproxy-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A daemon that answers as it is told to, and remembers what it was asked. */
interface Daemon extends AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly asked: readonly AdminRequest[];
  /** Run a command line against it. */
  cli(...argv: readonly string[]): Promise<Ran>;
}

async function openDaemon(answer: Answerer): Promise<Daemon> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await tempFolder()).path;
  const socket = `${folder}/admin.sock`;
  const asked: AdminRequest[] = [];
  opened.use(serveAdmin(socket, (request) => {
    asked.push(request);
    return answer(request);
  }));
  const owned = opened.move();
  return {
    folder,
    socket,
    asked,
    cli: (...argv) => run([...argv, "--socket", socket]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Answers as the daemon does with the calls of the golden files. */
const answerAll: Answerer = (request) => {
  switch (request.command) {
    case "status":
      return { schema: SCHEMA, status: { ...STATUS, version: VERSION } };
    case "sessions":
      return { schema: SCHEMA, sessions: SESSIONS };
    case "show":
      return {
        schema: SCHEMA,
        reports: REPORTS.filter(({ session }) => session.callId === request.callId),
        drain: null,
      };
    case "drop":
      return { schema: SCHEMA, dropped: request.callId === "nat@phone" ? 1 : 0 };
    case "stop":
      return { schema: SCHEMA, stopping: true };
    case "reload":
      return { schema: SCHEMA, reload: RELOAD };
    case "path": {
      const isUnknown = request.callId === "unknown";
      const obstacle = request.path === "kmod" ? "the kernel module is full" : null;
      return { schema: SCHEMA, path: { sessions: isUnknown ? 0 : 3, kmod: 2, obstacle } };
    }
    case "drain":
      return { schema: SCHEMA, drain: request.off ? null : DRAIN };
  }
};

Deno.test("runCli() prints what the daemon answers, with 0", async () => {
  await using daemon = await openDaemon(answerAll);
  const expectations: readonly (readonly [argv: readonly string[], out: RegExp, AdminRequest])[] = [
    [["status"], /^lrkproxy 0.*sessions: 2 active/s, { command: "status" }],
    [["sessions"], /^call-id .*nat@phone/s, { command: "sessions" }],
    [["show", "nat@phone"], /^Call-ID {3}nat@phone\n.*NAT/s, {
      command: "show",
      callId: "nat@phone",
    }],
    [["reload"], /^Reloaded\.\n\[session\] timeout: 60 -> 30\n/, { command: "reload" }],
    [["drop", "nat@phone"], /^Dropped 1 session\(s\)\.\n$/, {
      command: "drop",
      callId: "nat@phone",
    }],
  ];
  for (const [argv, out, request] of expectations) {
    const ran = await daemon.cli(...argv);
    assert.deepEqual([ran.code, ran.error], [0, ""], argv.join(" "));
    assert.match(ran.out, out);
    assert.deepEqual(daemon.asked.at(-1), request);
  }
});

Deno.test("runCli() shows what this machine does to a call before all else, and says nothing twice", async () => {
  const said = "This machine: No interface has the media address 192.0.2.1. Cure: add it";
  await using daemon = await openDaemon(() => {
    const [report] = REPORTS;
    assert.ok(report);
    const reports = [{ ...report, findings: [said, "The callee was never heard."] }];
    return { schema: SCHEMA, reports, drain: null, namespace: "net:[1]" };
  });
  const lines = [
    "This machine: no interface has the media address 192.0.2.1 (why)",
    "Cure: ip address\x1b[2J",
  ];
  const argv = ["show", "nat@phone", "--socket", daemon.socket];
  const { out } = await run(argv, {
    examine: (_, { namespace }) => Promise.resolve(namespace === "net:[1]" ? [lines] : []),
  });
  assert.deepEqual(out.split("\n").filter((line) => line.startsWith("=>")), [
    `=> ${lines[0]}`,
    "=> Cure: ip address\\x1b[2J",
    "=> The callee was never heard.",
  ]);
  const json = await run([...argv, "--json"], { examine: () => Promise.resolve([lines]) });
  assert.deepEqual((JSON.parse(json.out) as { machine: unknown }).machine, [lines]);
  assert.match((await run(argv)).out, /=> This machine: No interface has .* Cure: add it\n/);
});

Deno.test("runCli() prints one JSON object with schema 1 when asked for JSON", async () => {
  await using daemon = await openDaemon(answerAll);
  for (const argv of [["status"], ["sessions"], ["show", "nat@phone"]]) {
    const { code, out, error } = await daemon.cli(...argv, "--json");
    assert.deepEqual([code, error], [0, ""], argv.join(" "));
    assert.match(out, /^\{.*\}\n$/);
    assert.equal((JSON.parse(out) as { schema: unknown }).schema, 1);
  }
  const { code, out } = await run(["version", "--json"]);
  assert.deepEqual([code, JSON.parse(out)], [0, { schema: 1, version: VERSION }]);
});

Deno.test("runCli() hands on an answer that comes in pieces, Call-IDs and all", async () => {
  await using daemon = await openDaemon(async function* () {
    yield `{"schema":1,"sessions":[`;
    for (const [i, session] of SESSIONS.entries()) {
      await Promise.resolve();
      yield (i === 0 ? "" : ",") + JSON.stringify(session);
    }
    yield "]}";
  });
  const { code, out } = await daemon.cli("sessions", "--json");
  assert.equal(code, 0);
  const { sessions } = JSON.parse(out) as { sessions: unknown };
  assert.deepEqual(sessions, SESSIONS);
  assert.ok(SESSIONS.some(({ callId }) => callId === HOSTILE_CALL_ID));
  assert.ok(!out.includes("\x1b") && out.indexOf("\n") === out.length - 1);
});

Deno.test("runCli() ends with 1 when there is no such call", async () => {
  await using daemon = await openDaemon(answerAll);
  for (const command of ["show", "drop"]) {
    const { code, out, error } = await daemon.cli(command, "unknown@phone");
    assert.deepEqual([code, out], [1, ""], command);
    assert.equal(
      error,
      'lrkproxy: there is no session with the Call-ID "unknown@phone" (if it was refused, the log says why: ' +
        "journalctl -t lrkproxy CALL_ID=unknown@phone)\n",
    );
  }
  const { code, out } = await daemon.cli("show", "unknown@phone", "--json");
  assert.deepEqual([code, JSON.parse(out)], [1, {
    schema: 1,
    reports: [],
    drain: null,
    machine: [],
  }]);
});

Deno.test("runCli() ends with 1 when the daemon says no or fails", async () => {
  const answers: readonly Answerer[] = [
    () => ({ schema: SCHEMA, error: "the test says no" }),
    () => {
      throw new Error("the test says no");
    },
  ];
  for (const answer of answers) {
    await using daemon = await openDaemon(answer);
    const expected = { code: 1, out: "", error: "lrkproxy: the test says no\n" };
    assert.deepEqual(await daemon.cli("status"), expected);
    assert.deepEqual(await daemon.cli("sessions", "--json"), expected);
  }
});

Deno.test("runCli() ends with 3 and names the next step when no daemon is there", async () => {
  await using folder = await tempFolder();
  const socket = `${folder.path}/admin.sock`;
  for (const argv of [["status"], ["sessions"], ["show", "x"], ["drop", "x"], ["stop"]]) {
    const { code, out, error } = await run([...argv, "--socket", socket]);
    assert.deepEqual([code, out], [3, ""], argv.join(" "));
    assert.ok(error.startsWith(`lrkproxy: Cannot reach the daemon at ${socket}: `), error);
    assert.match(
      error,
      /`systemctl start lrkproxy` .* `lrkproxy run` one in the foreground; --socket or --config/,
    );
  }
});

/** What a daemon says that dies before its answer is whole. */
const LAST_WORDS = ["", "{", `{"schema":1,"sessions":[`];

Deno.test("runCli() ends with 3 when the daemon closes the connection", async () => {
  for (const words of LAST_WORDS) {
    await using folder = await tempFolder();
    const socket = `${folder.path}/admin.sock`;
    using listener = Deno.listen({ transport: "unix", path: socket });
    const served = hangUp(listener, words);
    const { code, out, error } = await run(["sessions", "--socket", socket]);
    await served;
    assert.deepEqual([code, out], [3, ""], words);
    assert.ok(error.startsWith(`lrkproxy: Cannot reach the daemon at ${socket}: `), error);
    if (words === "") assert.match(error, /the daemon closed the connection/);
  }
});

/** Hear a question, say the words and hang up. */
async function hangUp(listener: Deno.UnixListener, words: string): Promise<void> {
  using connection = await listener.accept();
  await connection.read(new Uint8Array(8192));
  await connection.write(new TextEncoder().encode(words));
}

Deno.test("runCli() warns when the daemon is of another version, on stderr", async () => {
  await using daemon = await openDaemon(() => ({ schema: SCHEMA, status: STATUS }));
  for (const argv of [["status"], ["status", "--json"]]) {
    const { code, error } = await daemon.cli(...argv);
    assert.equal(code, 0);
    assert.ok(error.startsWith(`warning: this is lrkproxy ${VERSION}, the daemon is 1.2.3`), error);
  }
});

Deno.test("runCli() finds the daemon by its configuration", async () => {
  await using daemon = await openDaemon(answerAll);
  const file = `${daemon.folder}/lrkproxy.ini`;
  const ini = `[kernel]\ninternal_ip = 10.10.1.1\n[admin]\nsocket = ${daemon.socket}\n`;
  await Deno.writeTextFile(file, ini);
  const { code, out } = await run(["sessions", "--config", file]);
  assert.equal(code, 0);
  assert.match(out, /nat@phone/);
});

Deno.test("runCli() stops the daemon and comes back when it is gone", async () => {
  for (const drop of [false, true]) {
    await using folder = await tempFolder();
    const socket = `${folder.path}/admin.sock`;
    const asked: AdminRequest[] = [];
    let questions = 0;
    const server = serveAdmin(socket, (request) => {
      asked.push(request);
      // It takes a while: status is answered twice more.
      if (++questions === 3) gone = server[Symbol.asyncDispose]();
      return answerAll(request);
    });
    let gone: PromiseLike<void> | null = null;
    const { code, out, error } = await run(["stop", ...drop ? ["--drop"] : [], "--socket", socket]);
    await (gone ?? server[Symbol.asyncDispose]());
    assert.deepEqual([code, out, error], [0, "", ""]);
    assert.deepEqual(asked, [
      { command: "stop", drop },
      { command: "status" },
      { command: "status" },
    ]);
  }
});

Deno.test("runCli() checks a configuration", async () => {
  await using folder = await tempFolder();
  const good = `${folder.path}/good.ini`;
  const bad = `${folder.path}/bad.ini`;
  await Deno.writeTextFile(good, "[kernel]\ninternal_ip = 10.10.1.1\n");
  await Deno.writeTextFile(bad, "[kernel]\ninternal_ip = 10.10.1.1\nstart_prot = 1\n");
  const valid = await run(["check-config", "--config", good]);
  assert.deepEqual([valid.code, valid.error], [0, ""]);
  assert.ok(valid.out.startsWith(`${good} is valid.\n`), valid.out);
  for (const path of [bad, `${folder.path}/missing.ini`]) {
    const { code, out, error } = await run(["check-config", "--config", path]);
    assert.deepEqual([code, out], [1, ""], path);
    assert.ok(error.startsWith("lrkproxy: the configuration cannot be used\n"), error);
    assert.ok(error.includes(path), error);
  }
  assert.match((await run(["check-config", "--config", bad])).error, /bad\.ini:3: .*start_prot/);
});

Deno.test("runCli() runs the daemon with a good configuration alone", async () => {
  await using folder = await tempFolder();
  const path = `${folder.path}/lrkproxy.ini`;
  const started: Config[] = [];
  const heavy = {
    run: (config: Config): Promise<void> => {
      started.push(config);
      return started.length === 1 ? Promise.resolve() : Promise.reject(new Error("no netfilter"));
    },
  };
  const argv = ["run", "--config", path];
  assert.equal((await run(argv, heavy)).code, 78, "there is no file yet");
  assert.equal(started.length, 0);
  await Deno.writeTextFile(path, "[kernel]\ninternal_ip = 10.10.1.1\n");
  assert.deepEqual(await run(argv, heavy), { code: 0, out: "", error: "" });
  assert.equal(started[0]?.instances[0]?.internalIp, "10.10.1.1");
  assert.deepEqual(await run(argv, heavy), {
    code: 1,
    out: "",
    error: "lrkproxy: no netfilter\n",
  });
});

Deno.test("runCli() ends as the demo, the version and the usage say", async () => {
  const demo: HeavyCommands["demo"] = ({ seconds }, output) => {
    output.out(`${seconds} s\n`);
    return Promise.resolve(1);
  };
  assert.deepEqual(await run(["demo", "--seconds", "2"], { demo }), {
    code: 1,
    out: "2 s\n",
    error: "",
  });
  for (const word of ["version", "--version", "-V"]) {
    assert.deepEqual(await run([word]), { code: 0, out: `lrkproxy ${VERSION}\n`, error: "" }, word);
  }
  assert.equal((await run(["--help"])).code, 0);
  assert.equal((await run(["nonsense"])).code, 2);
});

Deno.test("runCli() ends with 141 and says nothing when nobody reads its output any more", async () => {
  const gone = (): never => {
    throw new ReaderGone();
  };
  const heavy: HeavyCommands = {
    ...LIGHT,
    demo: (_, { out }) => Promise.resolve(out("one\n")).then(() => 0),
  };
  for (const argv of [["version"], ["--version"], ["--help"], ["demo"]]) {
    let said = "";
    const output = { out: gone, error: (text: string) => void (said += text) };
    assert.equal(await runCli(argv, output, heavy), 141, argv.join());
    assert.equal(said, "", argv.join());
  }
  const silent = { out: gone, error: gone };
  assert.equal(await runCli(["no-such-command"], silent, LIGHT), 141);
});

Deno.test("runCli() sends calls a way, and fails if some of them do not go there", async () => {
  await using daemon = await openDaemon(answerAll);
  const all = await daemon.cli("path", "all", "nft");
  assert.deepEqual([all.code, all.out], [
    0,
    "3 sessions: 2 in the kernel module, 1 in nftables alone.\n",
  ]);
  assert.deepEqual(daemon.asked.at(-1), { command: "path", path: "nft" });
  await daemon.cli("path", "all", "auto", "--instance", "west");
  assert.deepEqual(daemon.asked.at(-1), { command: "path", path: "auto", instance: "west" });
  const one = await daemon.cli("path", "nat@phone", "kmod");
  assert.deepEqual(daemon.asked.at(-1), { command: "path", path: "kmod", callId: "nat@phone" });
  assert.equal(one.code, 1);
  assert.match(one.error, /not all could be moved: the kernel module is full/);
  const unknown = await daemon.cli("path", "unknown", "nft");
  assert.deepEqual([unknown.code, unknown.out], [1, ""]);
  assert.match(unknown.error, /no session with the Call-ID "unknown"/);
  const both = await daemon.cli("path", "nat@phone", "nft", "--instance", "west");
  assert.equal(both.code, 1);
  const wrong = await daemon.cli("path", "all", "fast");
  assert.equal(wrong.code, 2);
});

const DRAIN_REQUEST = { command: "drain", off: false, timeoutSeconds: null, ringSeconds: 20 };

Deno.test("runCli() drain returns at once when it is not to wait, and calls a drain off", async () => {
  await using daemon = await openDaemon(answerAll);
  const begun = await daemon.cli("drain", "--no-wait");
  assert.deepEqual([begun.code, begun.error], [0, ""]);
  assert.match(begun.out, /^draining for 12 s: 3 calls left, stops in 9 min 48 s at the latest\n$/);
  assert.deepEqual(daemon.asked.at(-1), DRAIN_REQUEST);
  const off = await daemon.cli("drain", "--off");
  assert.deepEqual([off.code, off.out], [0, "The daemon takes calls again.\n"]);
  assert.deepEqual(daemon.asked.at(-1), { command: "drain", off: true });
});

Deno.test("runCli() drain prints each change until another daemon answers", async () => {
  const left = [3, 3, 2, 0];
  await using daemon = await openDaemon((request) => {
    if (request.command !== "status") return answerAll(request);
    const callsLeft = left.shift();
    const gone = callsLeft === undefined;
    const drain = gone ? null : { ...DRAIN, callsLeft };
    return { schema: SCHEMA, status: { ...STATUS, pid: gone ? 1 : 2, drain } };
  });
  const { code, out } = await daemon.cli("drain", "--timeout", "600", "--ring", "0");
  assert.equal(code, 0);
  assert.match(out, /^draining .*\n2 calls left\n0 calls left\nThe daemon has stopped\.\n$/);
  const asked = daemon.asked.find(({ command }) => command === "drain");
  assert.deepEqual(asked, { ...DRAIN_REQUEST, timeoutSeconds: 600, ringSeconds: 0 });
});

Deno.test("runCli() drain fails when somebody calls it off", async () => {
  await using daemon = await openDaemon(answerAll);
  const { code, error } = await daemon.cli("drain");
  assert.deepEqual([code, error], [1, "lrkproxy: the drain was called off\n"]);
});

Deno.test("runCli() reload says why a configuration was refused, with 1", async () => {
  const reason = "the configuration stays as it was\nx.ini:3: [kernel] end_port: too small";
  await using daemon = await openDaemon(() => ({ schema: SCHEMA, error: reason }));
  const { code, out, error } = await daemon.cli("reload");
  assert.deepEqual([code, out, error], [1, "", `lrkproxy: ${reason}\n`]);
});
