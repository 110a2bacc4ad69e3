import assert from "node:assert/strict";
import { Namespace } from "../../src/netns/namespaces.ts";
import { until } from "../netns/until.ts";
import { onTerminal } from "../support/terminal.ts";
import { commandLine, Folder, namesIn, run, type RunOptions, told } from "./packed.ts";

const GOLDEN = new URL("../golden/help/", import.meta.url);

/** Nothing can be written, and no cache was filled before, so that the runtime goes into memory. */
const READ_ONLY = `mount -t tmpfs -o ro tmpfs /var/cache; mount -o remount,bind,ro /
  for place in /var/tmp /tmp /run /root; do
    mount --bind $place $place; mount -o remount,bind,ro $place
  done`;

Deno.test("the file is no larger than 40 MB", () => {
  using folder = Folder.built();
  assert(Deno.statSync(folder.program).size <= 40e6);
});

Deno.test("help, version and exit statuses come through", async () => {
  using folder = Folder.built();
  const config = `${folder.path}/lrkproxy.ini`;
  await Deno.writeTextFile(config, "[kernel]\nnonsense : 1\n");
  for (const command of ["lrkproxy", "run", "status", "check-config"]) {
    const { code, out } = await folder.run(
      command === "lrkproxy" ? ["--help"] : [command, "--help"],
    );
    assert.equal(code, 0);
    assert.equal(out, await Deno.readTextFile(new URL(`${command}.txt`, GOLDEN)));
  }
  const cases: [string[], number][] = [
    [["version"], 0],
    [["check-config", "--config", config], 1],
    [["no-such-command"], 2],
    [["status", "--socket", `${folder.path}/nobody.sock`], 3],
  ];
  for (const [args, expected] of cases) {
    assert.equal((await folder.run(args)).code, expected, args.join(" "));
  }
});

Deno.test("stdin comes through", async () => {
  const script = "console.log((await new Response(Deno.stdin.readable).text()).toUpperCase());";
  using folder = await Folder.withScript(script);
  const { out } = await folder.run([], { stdin: "a line\nand another" });
  assert.equal(out, "A LINE\nAND ANOTHER\n");
});

Deno.test("it works read-only, without HOME, PATH or any cache folder", async () => {
  using folder = Folder.built();
  const [command, ...args] = commandLine(folder.program, ["version"], {
    mounts: READ_ONLY,
    through: ["env", "-i"],
  });
  const { code, out, error } = await run(command, args);
  assert.deepEqual([code, error], [0, ""]);
  assert.match(out, /^lrkproxy \d/);
});

Deno.test("it works with stdin, stdout and stderr closed", async () => {
  using folder = Folder.built();
  const { code } = await folder.run([], {
    through: ["sh", "-c", '"$0" version <&- >&- 2>&-', folder.program],
  });
  assert.equal(code, 0);
  assert.equal((await run("sh", ["-c", `"${folder.program}" version <&- 2>&-`])).code, 0);
});

/** Files that were opened for writing, made, renamed or removed; and sockets of the network. */
async function traces(folder: Folder): Promise<{ written: string[]; sockets: string[] }> {
  const logs = await Deno.makeTempDir({ dir: folder.path });
  const log = `${logs}/strace`;
  const trace = ["strace", "-ff", "-s", "256", "-o", log, "-e", "trace=%file,%network"];
  const { code } = await folder.run(["version"], { through: trace });
  assert.equal(code, 0);
  const texts = await Promise.all(
    namesIn(logs).map((name) => Deno.readTextFile(`${logs}/${name}`)),
  );
  const lines = texts.join("").split("\n");
  const writing =
    /O_WRONLY|O_RDWR|O_CREAT|\b(mkdir|rename|unlink|link|symlink|chmod|chown|truncate|mknod)/;
  const succeeded = lines.filter((line) => !/ = -1 E/.test(line));
  return {
    written: succeeded.filter((line) =>
      writing.test(line) && !/"\/dev\/(null|tty|ptmx)"/.test(line)
    ),
    sockets: succeeded.filter((line) => /AF_INET|AF_NETLINK|AF_PACKET/.test(line)),
  };
}

Deno.test("the first start writes into its cache folder alone, the second nowhere, and neither asks the network", async () => {
  using folder = Folder.built();
  const first = await traces(folder);
  const elsewhere = first.written.filter((line) =>
    !line.includes(folder.cache) && !/"(runtime-\w+|lrkproxy(\.new)?|seal(\.new)?|lock)"/.test(line)
  );
  assert.deepEqual(elsewhere, []);
  assert(first.written.length > 0, "strace saw it unpack");
  const second = await traces(folder);
  assert.deepEqual(second.written, []);
  assert.deepEqual([...first.sockets, ...second.sockets], []);
});

/** Prints what the runtime lets a program do, and how its errors look. */
const PROBE = `import { basename } from "node:path";
const state = (name) => Deno.permissions.querySync({ name }).state;
const names = ["net", "read", "write", "run", "env", "ffi", "sys", "import"];
function failDeeply() { throw new Error("trouble"); }
try { failDeeply(); } catch (error) {
  const frames = error.stack.split("\\n").slice(1).map((line) => line.trim());
  console.log(JSON.stringify({
    permissions: names.map((name) => name + " " + state(name)),
    gc: typeof globalThis.gc,
    heapLimit: basename("a/b"),
    frames,
    args: Deno.args,
  }));
}`;

/** What a user's environment might hold to widen permissions, load code, or disturb. */
const HOSTILE: Readonly<Record<string, string>> = {
  DENO_DIR: "/var/tmp/lrk-deno-dir",
  DENO_V8_FLAGS: "--no-expose-gc,--help",
  DENO_NO_PROMPT: "",
  DENO_PERMISSION_BROKER_PATH: "/var/tmp/no-broker",
  DENO_TRACE_PERMISSIONS: "1",
  DENO_AUDIT_PERMISSIONS: "/var/tmp/lrk-audit",
  DENO_COVERAGE_DIR: "/var/tmp/lrk-coverage",
  DENO_SERVE_ADDRESS: "tcp:127.0.0.1:1",
  DENO_CERT: "/nonexistent",
  DENO_TLS_CA_STORE: "nonsense",
  DENO_COMPAT: "1",
  DENO_CONDITIONS: "nonsense",
  DENO_UNSTABLE_CONTROL_SOCK: "/nonexistent",
  DENO_LOG: "debug",
  NODE_OPTIONS: "--require=/nonexistent.js",
  NODE_CHANNEL_FD: "0",
  NODE_DEBUG: "*",
  NODE_EXTRA_CA_CERTS: "/nonexistent",
  NODE_V8_COVERAGE: "/var/tmp/lrk-coverage",
  NPM_CONFIG_USERCONFIG: "/dev/stdin",
  OTEL_DENO: "true",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
  RUST_LOG: "debug",
  RUST_BACKTRACE: "full",
};

Deno.test("the program has its permissions, its V8 flags and stack traces, whatever the environment says", async () => {
  using folder = await Folder.withScript(PROBE);
  const { out, error } = await folder.run(["--one", "two"]);
  assert.equal(error, "");
  const probe = JSON.parse(out);
  assert.deepEqual(probe.permissions, [
    "net granted",
    "read granted",
    "write granted",
    "run prompt",
    "env prompt",
    "ffi prompt",
    "sys prompt",
    "import prompt",
  ]);
  assert.equal(probe.gc, "function");
  assert.deepEqual(probe.args, ["--one", "two"]);
  assert.match(probe.frames[0], /^at failDeeply \(file:\/\/\/proc\/self\/fd\/\d+:4:\d+\)$/);
  for (const [name, value] of Object.entries(HOSTILE)) {
    const run = await folder.run(["--one", "two"], { env: { [name]: value } });
    assert.deepEqual(run, { code: 0, out, error: "" }, name);
  }
  const all = await folder.run(["--one", "two"], { env: HOSTILE });
  assert.deepEqual(all, { code: 0, out, error: "" });
});

Deno.test("on a terminal the runtime says nothing of its own, but an error that nothing catches", async () => {
  using built = Folder.built();
  const quiet = await onTerminal(built.program, ["version"], { CACHE_DIRECTORY: built.cache });
  assert.equal(quiet.code, 0);
  assert.match(quiet.printed, /^lrkproxy \d+\.\d+\.\d+\n$/);
  using failing = await Folder.withScript('throw new Error("trouble");');
  const env = { CACHE_DIRECTORY: failing.cache, NO_COLOR: "1" };
  const { code, printed } = await onTerminal(failing.program, [], env);
  assert.equal(code, 1);
  assert.match(printed, /^error: Uncaught \(in promise\) Error: trouble\n/);
});

Deno.test("settings of the runtime that lie about are not read", async () => {
  using folder = Folder.built();
  const around = `${folder.path}/around`;
  await Deno.mkdir(around);
  for (
    const name of ["deno.json", "package.json", ".npmrc", "deno.lock", "import_map.json", ".env"]
  ) {
    await Deno.writeTextFile(`${around}/${name}`, "{ nonsense");
  }
  const through = ["env", `HOME=${around}`, "sh", "-c", `cd ${around}; "$@"`, "sh"];
  const { code, error } = await folder.run(["version"], { through });
  assert.deepEqual([code, error], [0, ""]);
});

Deno.test("the runtime gets the packed arguments, the program, then the user's; and none of its variables", async () => {
  using folder = await Folder.fake();
  const env = { ...HOSTILE, LANG: "C.UTF-8", JOURNAL_STREAM: "8:1" };
  const { out } = await folder.run(["one", "two words", "", "3"], { env });
  const [name, first, second, program, ...rest] = told(out, "argument");
  assert.deepEqual([name, first, second], ["lrkproxy", "--first", "--second=with blanks"]);
  assert.match(program ?? "", /^\/proc\/self\/fd\/\d+$/);
  assert.deepEqual(rest, ["one", "two words", "", "3"]);
  const variables = told(out, "variable").filter((line) =>
    !/^(PATH|LANG|JOURNAL_STREAM|CACHE_DIRECTORY)=/.test(line)
  );
  assert.deepEqual(variables.sort(), [
    "DENO_DIR=/dev/null/lrkproxy",
    "DENO_LOG=error,deno::cache::cache_db=off",
    "DENO_NO_PACKAGE_JSON=1",
    "DENO_NO_UPDATE_CHECK=1",
    "NPM_CONFIG_USERCONFIG=/dev/null",
  ]);
});

Deno.test("files that were handed over keep their numbers, as systemd's sockets must", async () => {
  using folder = await Folder.fake();
  const through = ["sh", "-c", 'exec "$@" 3</etc/passwd', "sh"];
  for (const start of ["first", "later"]) {
    const { out } = await folder.run([], { through });
    assert.deepEqual(told(out, "file3"), ["/etc/passwd"], start);
  }
});

/** A damaged executable: its name, what is done to it, what it says. */
const DAMAGE: [string, (path: string) => void, RegExp][] = [
  [
    "cut short",
    (path) => Deno.truncateSync(path, Deno.statSync(path).size - 10),
    /damaged or cut short/,
  ],
  ["changed in the middle", (path) => {
    const bytes = Deno.readFileSync(path);
    // In the runtime's part, which lies between the launcher and the last kilobyte.
    bytes.fill(0x55, bytes.length - 60_000, bytes.length - 50_000);
    Deno.writeFileSync(path, bytes);
  }, /Cannot unpack/],
];

for (const [name, damage, expected] of DAMAGE) {
  Deno.test(`an executable that is ${name} says so in one line and does not start`, async () => {
    using folder = await Folder.fake();
    damage(folder.program);
    const { code, out, error } = await folder.run(["0"]);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(error, expected);
    assert.equal(error.trim().split("\n").length, 1);
  });
}

/** The daemon in a namespace of its own. */
async function startDaemon(folder: Folder, place: Namespace, options: RunOptions = {}) {
  const config = `${folder.path}/lrkproxy.ini`;
  const socket = `${folder.path}/admin.sock`;
  await Deno.writeTextFile(
    config,
    `[kernel]\nstart_port : 20000\nend_port : 20100\ninternal_ip : 10.10.1.1\nexternal_ip : 192.0.2.1
[UNIX socket]\nlisten : ${folder.path}/control.sock\n[admin]\nsocket : ${socket}\n`,
  );
  const [command, ...args] = commandLine(folder.program, ["run", "--config", config], options);
  const process = place.run(() =>
    new Deno.Command(command, {
      args,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", CACHE_DIRECTORY: folder.cache },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn()
  );
  const answers = async () => (await folder.run(["status", "--socket", socket])).code === 0;
  await until("the daemon answers", answers, 20_000);
  return { process, answers };
}

Deno.test("the daemon is the process that was started, is called lrkproxy, outlives its file and obeys SIGTERM", async () => {
  using folder = Folder.built();
  using place = new Namespace("onefile");
  const { process, answers } = await startDaemon(folder, place);
  const copy = `${folder.path}/copy`;
  await Deno.copyFile(folder.program, copy);
  const proc = `/proc/${process.pid}`;
  assert.equal((await run("readlink", [`${proc}/exe`])).out.trim(), `${folder.entry()}/lrkproxy`);
  assert.equal((await run("ps", ["-o", "comm=", "-p", `${process.pid}`])).out.trim(), "lrkproxy");
  assert.match((await run("ps", ["-o", "args=", "-p", `${process.pid}`])).out, /^lrkproxy run /);
  await Deno.writeTextFile(`${folder.program}.new`, "not a program");
  await Deno.rename(`${folder.program}.new`, folder.program);
  await run("rm", ["-r", folder.cache]);
  await Deno.mkdir(folder.cache);
  await Deno.rename(copy, folder.program);
  assert(await answers(), "it runs on without its file and its cache");
  process.kill("SIGTERM");
  const { code, signal } = await process.status;
  assert.deepEqual([code, signal], [0, null]);
});

Deno.test("a daemon whose runtime is in memory is called lrkproxy, too, and dies of SIGKILL", async () => {
  using folder = Folder.built();
  using place = new Namespace("onefile");
  const mounts = `mount -t tmpfs -o ro tmpfs /var/cache; chmod 777 ${folder.cache}`;
  const { process } = await startDaemon(folder, place, { mounts });
  assert.match((await run("readlink", [`/proc/${process.pid}/exe`])).out, /^\/memfd:lrkproxy/);
  assert.equal((await run("ps", ["-o", "comm=", "-p", `${process.pid}`])).out.trim(), "lrkproxy");
  process.kill("SIGKILL");
  assert.equal((await process.status).signal, "SIGKILL");
});

Deno.test("eight cold starts of the real program at once all answer", async () => {
  using folder = Folder.built();
  const runs = await Promise.all(Array.from({ length: 8 }, () => folder.run(["version"])));
  for (const { code, out, error } of runs) {
    assert.deepEqual([code, error], [0, ""]);
    assert.match(out, /^lrkproxy \d/);
  }
});
