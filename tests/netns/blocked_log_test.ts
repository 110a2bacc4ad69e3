/** A log that nobody takes lines from holds no request up. */
import { strict as assert } from "node:assert";
import { buildRelayNetwork } from "../../src/netns/namespaces.ts";
import { Daemon, type Ini, PROGRAM } from "./daemon.ts";
import { Kamailio, numberedCall } from "./kamailio.ts";
import { until, within } from "./until.ts";

const CALLS = Array.from({ length: 100 }, (_, n) => numberedCall(n));
/** More lines than a pipe and the daemon hold: of every request one. */
const ROUNDS = 30;

/** Become a program whose stderr is a terminal, which ^S stops once the daemon is ready. */
const STOPPED_TERMINAL = `
import os, sys, termios
master, terminal = os.openpty()
if os.fork() == 0:
    seen = b""
    while b"is ready" not in seen:
        seen += os.read(master, 4096)
    termios.tcflow(terminal, termios.TCOOFF)
    os.close(terminal)
    try:
        while os.read(master, 4096): pass
    except OSError:
        pass
    os._exit(0)
os.close(master)
os.dup2(terminal, 2)
os.close(terminal)
os.execv(sys.argv[1], sys.argv[1:])
`;

/** A daemon whose stderr is a pipe, and what it says once somebody reads that. */
class UnreadDaemon implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #net = this.#stack.use(buildRelayNetwork());
  readonly files = this.#stack.use(new Daemon(this.#net.relay));
  readonly kamailio = this.#stack.use(new Kamailio(this.#net.relay));
  #process: Deno.ChildProcess | null = null;
  text = "";

  async start(changes: Ini, wrapper: readonly string[] = []): Promise<void> {
    this.files.configure(changes);
    const [program, ...args] = [...wrapper, PROGRAM, "run", "--config", this.files.configPath];
    const command = new Deno.Command(program ?? PROGRAM, {
      args,
      ...{ stdin: "null", stdout: "null", stderr: "piped" },
    });
    this.#process = this.#net.relay.run(() => command.spawn());
    await until(
      "it answers",
      () => this.kamailio.ask("P", 200).then(() => true, () => false),
      15_000,
    );
  }

  async busy(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      await this.kamailio.openAll(CALLS);
      await this.kamailio.closeAll(CALLS);
    }
  }

  /** Read from now on. */
  async read(): Promise<void> {
    if (!this.#process) return;
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.text += text;
    }
  }

  async stop(): Promise<number> {
    this.#process?.kill("SIGTERM");
    return await this.#ended();
  }

  async #ended(): Promise<number> {
    const status = await within("the daemon ends", this.#process?.status ?? Promise.reject());
    return status.code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process?.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process?.status;
    if (this.#process && !this.#process.stderr.locked) await this.#process.stderr.cancel();
    await this.#stack.disposeAsync();
  }
}

Deno.test("requests are answered while nobody reads stderr, which says later what it lost", async () => {
  await using daemon = new UnreadDaemon();
  await daemon.start({ logger: { log_level: "debug" } });
  await daemon.busy();
  const reading = daemon.read();
  await until("it says how many lines were lost", async () => {
    await daemon.kamailio.openAll(CALLS.slice(0, 1));
    return /WARNING Log lines lost: stderr had no room lost=[1-9]/.test(daemon.text);
  });
  assert.match(daemon.text, /^\S+ INFO lrkproxy starts/);
  assert.equal(await daemon.stop(), 0);
  await reading;
  assert.match(daemon.text, /lrkproxy stops; the kernel goes on relaying sessions=1\n$/);
});

Deno.test("a daemon whose stderr nobody reads stops when it is told to", async () => {
  await using daemon = new UnreadDaemon();
  await daemon.start({ logger: { log_level: "debug" } });
  await daemon.busy();
  assert.equal(await daemon.stop(), 0);
});

Deno.test("requests are answered while the terminal that is stderr is stopped", async () => {
  await using daemon = new UnreadDaemon();
  await daemon.start({ logger: { log_level: "debug" } }, ["python3", "-c", STOPPED_TERMINAL]);
  await daemon.busy();
  assert.equal(await daemon.stop(), 0);
});

Deno.test("requests are answered while nobody reads the FIFO that is the log file", async () => {
  await using daemon = new UnreadDaemon();
  const { folder } = daemon.files;
  new Deno.Command("mkfifo", { args: [`${folder}/log`] }).outputSync();
  await daemon.start({
    logger: {
      ...{ log_level: "debug", log_to_console: "False", log_to_file: "True" },
      ...{ log_directory: folder, log_file_name: "log" },
    },
  });
  await daemon.busy();
  assert.equal(await daemon.stop(), 0);
});
