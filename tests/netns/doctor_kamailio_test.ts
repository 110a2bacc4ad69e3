import { strict as assert } from "node:assert";
import type { Finding } from "../../src/doctor/finding.ts";
import { AS_NOBODY, diagnose, type Diagnosis } from "./doctor.ts";
import { CALL, Kamailio, numberedCall } from "./kamailio.ts";
import { openWorld, type World } from "./world.ts";

/** The shipped configuration, and a program that does nothing. */
const SHIPPED = new URL("../acceptance/", import.meta.url).pathname;
const IDLE = new URL("../../dist/tools/idle", import.meta.url);

/** A process that is called kamailio and has a version, as /proc shows it. */
interface Standing {
  readonly version: string;
  readonly args?: readonly string[];
  /** The folder that it takes for the root of everything. */
  readonly root?: string;
}

/** Let a Kamailio run beside the relay; the answer is its process id. */
function run(world: World, { version, args = [], root }: Standing): number {
  const folder = root ?? Deno.makeTempDirSync({ dir: world.daemon.folder });
  const program = `${folder}/kamailio`;
  Deno.copyFileSync(IDLE, program);
  Deno.writeTextFileSync(program, `kamailio ${version} (x86_64/linux)`, { append: true });
  Deno.chmodSync(program, 0o755);
  const command = root === undefined
    ? new Deno.Command(program, { args: [...args] })
    : new Deno.Command("chroot", { args: [root, "/kamailio", ...args] });
  const process = world.relay.run(() => command.spawn());
  world.use({
    [Symbol.asyncDispose]: async () => {
      process.kill("SIGKILL");
      await process.status;
    },
  });
  return process.pid;
}

/** A configuration beside the daemon's: the shipped one with what it includes, changed. */
function script(world: World, change: (text: string) => string = (text) => text): string {
  const path = Deno.makeTempFileSync({ dir: world.daemon.folder, suffix: ".cfg" });
  const read = (name: string): string => Deno.readTextFileSync(`${SHIPPED}${name}`);
  const text = read("kamailio.cfg").replace('include_file "lrkproxy.cfg"', read("lrkproxy.cfg"));
  Deno.writeTextFileSync(path, change(text));
  return path;
}

function look(world: World, ...args: readonly string[]): Promise<Diagnosis> {
  return diagnose(world.relay, { config: world.daemon.configPath, args });
}

/** The finding about a process. */
function about(found: readonly Finding[], pid: number): Finding {
  const own = found.find(({ what }) => what.includes(`(pid ${pid})`));
  assert(own, JSON.stringify(found));
  return own;
}

Deno.test("doctor: a wrong control port by -A is named, though the file's own is right", async () => {
  await using world = await openWorld();
  const file = script(world);
  const wrong = 'CONTROL="udp:127.0.0.1:9999"';
  const pid = run(world, { version: "6.0.1", args: ["-DD", "-E", "-f", file, "-A", wrong] });
  const { of, code } = await look(world, "--kamailio", file);
  const found = about(of("kamailio.socket"), pid);
  assert.equal(found.severity, "fail");
  assert.match(found.what, /lrkproxy_sock is udp:127\.0\.0\.1:9999; no command has come/);
  assert.match(
    found.remedy.join("\n"),
    /-A 'CONTROL="unix:.*control\.sock"' in place of -A 'CONTROL=/,
  );
  assert.equal(code, 1);
});

Deno.test("doctor: a wrong control port in the file that runs is named, though --kamailio's is right", async () => {
  await using world = await openWorld();
  const file = script(world, (text) => text.replace("udp:127.0.0.1:8080", "udp:127.0.0.1:9999"));
  const pid = run(world, { version: "6.0.1", args: ["-f", file] });
  const { of } = await look(world, "--kamailio", script(world));
  const found = about(of("kamailio.socket"), pid);
  assert.deepEqual([found.severity, found.what.includes(file)], ["fail", true]);
  assert.match(
    found.remedy.join("\n"),
    /^modparam\("lrkproxy", "lrkproxy_sock", ".*"\) in .*\nrestart/,
  );
});

Deno.test("doctor: a file that may not be read, though the one that includes it may, is said to be so", async () => {
  await using world = await openWorld();
  const { folder, configPath: config } = world.daemon;
  const file = `${folder}/kamailio.cfg`;
  await Deno.copyFile(`${SHIPPED}kamailio.cfg`, file);
  await Deno.copyFile(`${SHIPPED}lrkproxy.cfg`, `${folder}/lrkproxy.cfg`);
  const guards = async (): Promise<readonly Finding[]> => {
    const { of } = await diagnose(world.relay, {
      config,
      args: ["--kamailio", file],
      ...AS_NOBODY,
    });
    return of("kamailio.guard");
  };
  await Deno.chmod(folder, 0o755);
  assert.deepEqual((await guards()).map(({ severity }) => severity), ["ok"]);
  await Deno.chmod(`${folder}/lrkproxy.cfg`, 0o600);
  const [found, ...more] = await guards();
  assert.deepEqual([found?.severity, more], ["skip", []]);
  assert.match(
    found?.what ?? "",
    /Cannot read .*lrkproxy\.cfg, which .*kamailio\.cfg includes: run/,
  );
});

Deno.test("doctor: a Kamailio that has not read its changed file yet is named", async () => {
  await using world = await openWorld();
  const file = script(world);
  const pid = run(world, { version: "6.0.1", args: ["-f", file] });
  const before = about((await look(world)).of("kamailio.socket"), pid);
  assert.equal(before.severity, "ok", before.what);
  const later = new Date(Date.now() + 60_000);
  await Deno.utime(file, later, later);
  const found = about((await look(world)).of("kamailio.socket"), pid);
  assert.equal(found.severity, "warn");
  assert.match(found.what, /changed after Kamailio had started/);
});

Deno.test("doctor: the Kamailio that runs counts for stale_limit, not the one in PATH", async () => {
  await using world = await openWorld();
  const pid = run(world, { version: "6.0.1", args: ["-f", script(world)] });
  await world.kamailio.open(CALL);
  await world.kamailio.close(CALL);
  const prelude = `mount -t tmpfs none /mnt
    printf '#!/bin/sh\\necho "version: kamailio 5.6.3 (x86_64/linux)"\\n' >/mnt/kamailio
    chmod 755 /mnt/kamailio; export PATH=/mnt:$PATH`;
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath, prelude });
  const found = of("kamailio.stale_limit");
  assert.deepEqual(found.map(({ severity }) => severity), ["ok"], JSON.stringify(found));
  assert.match(about(found, pid).what, /6\.0\.1 .* says when calls end \(1 D have come/);
  assert.match(
    about(of("kamailio.socket"), pid).what,
    /last command \d+ s ago, from 127\.0\.0\.1$/,
  );
});

Deno.test("doctor: D that has come is proof enough where no Kamailio is to be seen", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await world.kamailio.close(CALL);
  const [found] = (await look(world)).of("kamailio.stale_limit");
  assert.equal(found?.severity, "ok");
  assert.match(found.what, /1 D have come/);
});

Deno.test("doctor: of a Kamailio 5.6 beside a 6.0 each is named, and only 5.6 needs a stale_limit, unless its script tells when calls end", async () => {
  await using world = await openWorld();
  const mute = script(world, (text) => text.replace('"- D ', '"- X '));
  const six = run(world, { version: "6.0.1", args: ["-f", mute] });
  const five = run(world, { version: "5.6.3", args: ["-f", mute] });
  const telling = run(world, { version: "5.6.3", args: ["-f", script(world)] });
  const { of } = await look(world);
  const found = of("kamailio.stale_limit");
  assert.deepEqual([about(found, six).severity, about(found, five).severity], ["ok", "fail"]);
  assert.equal(about(found, telling).severity, "ok");
  assert.match(
    about(found, five).what,
    /^Kamailio 5\.6\.3 .* never sends D, and stale_limit is 3600 s/,
  );
  assert.match(about(found, five).remedy.join(), /\[session\] stale_limit : 60 in /);
  for (const pid of [six, five]) about(of("kamailio.socket"), pid);
});

Deno.test("doctor: a Kamailio in a root of its own is looked at there", async () => {
  await using world = await openWorld();
  const root = await Deno.makeTempDir({ dir: world.daemon.folder });
  const change = (text: string): string =>
    text.replace('"udp:127.0.0.1:8080"', '"unix:/sockets/lrk.sock"');
  await Deno.mkdir(`${root}/etc/kamailio`, { recursive: true });
  await Deno.mkdir(`${root}/sockets`);
  await Deno.rename(script(world, change), `${root}/etc/kamailio/kamailio.cfg`);
  await Deno.link(world.daemon.controlSocket, `${root}/sockets/lrk.sock`);
  const pid = run(world, { version: "6.0.1", root });
  const found = about((await look(world)).of("kamailio.socket"), pid);
  assert.equal(found.severity, "ok", found.what);
  assert.match(found.what, /\/etc\/kamailio\/kamailio\.cfg: names this daemon's/);
  await Deno.remove(`${root}/sockets/lrk.sock`);
  await Deno.writeTextFile(`${root}/sockets/lrk.sock`, "");
  const other = about((await look(world)).of("kamailio.socket"), pid);
  assert.equal(other.severity, "fail", other.what);
});

Deno.test("doctor: a Kamailio on another machine is said to be there, and the one here is not taken for it", async () => {
  await using world = await openWorld({
    ini: { "UDP socket": { socket_udp_host: "0.0.0.0", allow: "10.10.1.0/24" } },
  });
  await using far = new Kamailio(world.net.caller, { host: "10.10.1.1", from: "10.10.1.10" });
  await far.open(numberedCall(1));
  const { of } = await look(world);
  const [found] = of("kamailio.socket");
  assert.equal(found?.severity, "ok");
  assert.match(
    found.what,
    /from a Kamailio on another machine, 10\.10\.1\.10 \(the last one \d+ s ago/,
  );
});
