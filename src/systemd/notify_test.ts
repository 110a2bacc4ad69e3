import assert from "node:assert/strict";
import { libc, readSmallFile } from "../base/libc.ts";
import { inheritedDescriptors } from "./inherited.ts";
import { openNotifier } from "./notify.ts";
import { unixAddress } from "./unix_datagram.ts";
import { watchdogPeriodMs } from "./watchdog.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT = 0x40;

function environment(variables: Readonly<Record<string, string>>) {
  return (name: string): string | undefined => variables[name];
}

/** The other end: what systemd would read. */
class Supervisor implements Disposable {
  readonly #fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);

  constructor(path: string) {
    const address = unixAddress(path);
    assert.equal(libc().bind(this.#fd, address, address.length), 0);
  }

  /** Everything that waits, a text a datagram. */
  read(): readonly string[] {
    const buffer = new Uint8Array(4096);
    const texts: string[] = [];
    for (;;) {
      const length = Number(libc().recv(this.#fd, buffer, BigInt(buffer.length), MSG_DONTWAIT));
      if (length < 0) return texts;
      texts.push(new TextDecoder().decode(buffer.subarray(0, length)));
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

Deno.test("openNotifier() tells a path and an abstract address alike", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "lrkproxy-" });
  try {
    for (const path of [`${folder}/notify`, `@lrkproxy-test-${Deno.pid}`]) {
      using supervisor = new Supervisor(path);
      using notifier = openNotifier(environment({ NOTIFY_SOCKET: path }));
      assert.equal(notifier.isHeard, true);
      notifier.ready();
      notifier.status("1 session\nthrough nft");
      notifier.watchdog();
      notifier.stopping();
      notifier.forgetSockets("generation-1");
      assert.deepEqual(supervisor.read(), [
        "READY=1",
        "STATUS=1 session through nft",
        "WATCHDOG=1",
        "STOPPING=1",
        "FDSTOREREMOVE=1\nFDNAME=generation-1",
      ]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openNotifier() says when a reload began, on the clock that systemd reads", () => {
  const path = `@lrkproxy-test-${Deno.pid}`;
  using supervisor = new Supervisor(path);
  using notifier = openNotifier(environment({ NOTIFY_SOCKET: path }));
  notifier.reloading();
  const [text = ""] = supervisor.read();
  const microseconds = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(text)?.[1]);
  const [uptime] = (readSmallFile("/proc/uptime") ?? "").split(" ");
  assert.ok(Math.abs(microseconds / 1e6 - Number(uptime)) < 5, text);
});

Deno.test("openNotifier() hands a socket over: it is there when its sender has closed it", () => {
  const path = `@lrkproxy-test-${Deno.pid}`;
  using supervisor = new Supervisor(path);
  using notifier = openNotifier(environment({ NOTIFY_SOCKET: path }));
  const kept = `@lrkproxy-test-${Deno.pid}-kept`;
  const take = (): void => new Supervisor(kept)[Symbol.dispose]();
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  const address = unixAddress(kept);
  assert.equal(libc().bind(fd, address, address.length), 0);
  notifier.storeSocket(fd, "generation-1");
  libc().close(fd);
  assert.throws(take, "the datagram under way holds the socket");
  assert.deepEqual(supervisor.read(), ["FDSTORE=1\nFDNAME=generation-1\nFDPOLL=0"]);
  take();
});

Deno.test("openNotifier() is silent where nobody listens", () => {
  using nobody = openNotifier(environment({}));
  assert.equal(nobody.isHeard, false);
  nobody.ready();
  using deaf = openNotifier(environment({ NOTIFY_SOCKET: "@lrkproxy-test-nobody" }));
  deaf.ready();
});

Deno.test("inheritedDescriptors() takes what is meant for this process", () => {
  const given = { LISTEN_FDS: "2", LISTEN_FDNAMES: "generation-1:generation-2" };
  const pid = 4711;
  assert.deepEqual(inheritedDescriptors(environment({ ...given, LISTEN_PID: "4711" }), pid), [
    { fd: 3, name: "generation-1" },
    { fd: 4, name: "generation-2" },
  ]);
  assert.deepEqual(inheritedDescriptors(environment({ ...given, LISTEN_PID: "4712" }), pid), []);
  assert.deepEqual(inheritedDescriptors(environment({}), pid), []);
});

Deno.test("watchdogPeriodMs() is a third of what systemd allows, if it means this process", () => {
  const cases: readonly [Readonly<Record<string, string>>, number | null][] = [
    [{ WATCHDOG_USEC: "3000000" }, 1000],
    [{ WATCHDOG_USEC: "3000000", WATCHDOG_PID: "4711" }, 1000],
    [{ WATCHDOG_USEC: "3000000", WATCHDOG_PID: "4712" }, null],
    [{ WATCHDOG_USEC: "0" }, null],
    [{ WATCHDOG_USEC: "soon" }, null],
    [{}, null],
  ];
  for (const [variables, period] of cases) {
    assert.equal(watchdogPeriodMs(environment(variables), 4711), period);
  }
});
