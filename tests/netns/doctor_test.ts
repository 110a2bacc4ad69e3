import { strict as assert } from "node:assert";
import { parseIpv4 } from "../../src/base/ipv4.ts";
import type { CheckId, Severity } from "../../src/doctor/finding.ts";
import { lrkproxy } from "./daemon.ts";
import { AS_NOBODY, carryOut, diagnose, shell } from "./doctor.ts";
import { CALL } from "./kamailio.ts";
import { MediaSocket } from "./media.ts";
import { RawUdp } from "./raw_udp.ts";
import { renumber } from "./topology.ts";
import { until } from "./until.ts";
import { converse, openWorld, type World, type WorldOptions } from "./world.ts";

/** Each of these breaks something for real on a relay whose daemon runs. */
interface Case {
  readonly id: CheckId;
  readonly severity: Severity;
  readonly says: RegExp;
  readonly world?: WorldOptions;
  readonly ruin: (world: World) => unknown;
  /** Whether the remedies can be carried out to the letter, and cure it at once. */
  readonly curable?: boolean;
  /** What a shell does before the doctor looks, in a mount namespace of its own. */
  readonly prelude?: string;
}

const SHIPPED = new URL("../acceptance/", import.meta.url).pathname;

/** The shipped configuration with something else in it, as --kamailio. */
function script(world: World, change: (text: string) => string): void {
  const read = (name: string): string => Deno.readTextFileSync(`${SHIPPED}${name}`);
  const text = read("kamailio.cfg").replace('include_file "lrkproxy.cfg"', read("lrkproxy.cfg"));
  Deno.writeTextFileSync(`${world.daemon.folder}/k.cfg`, change(text));
}

/** A program that stands in for one of the machine's; `ip netns exec` gives it a mount namespace. */
function standIn(name: string, body: string): string {
  return `mount -t tmpfs none /mnt
    printf '#!/bin/bash\\n%s\\n' ${quoted(body)} >/mnt/${name}
    chmod 755 /mnt/${name}
    export PATH=/mnt:$PATH`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const CASES: readonly Case[] = [
  {
    id: "config.valid",
    severity: "fail",
    says: /lrkproxy\.ini:\d+: .*start_prot/,
    ruin: ({ daemon }) => daemon.configure({ kernel: { start_prot: 1 } }),
  },
  {
    id: "daemon.running",
    severity: "warn",
    says: /no daemon runs/,
    ruin: ({ daemon }) => daemon.kill("SIGTERM"),
  },
  {
    id: "daemon.running",
    severity: "warn",
    says: /a daemon runs, but does not answer/,
    ruin: ({ daemon }) => Deno.remove(daemon.adminSocket),
  },
  {
    id: "daemon.warnings",
    severity: "warn",
    says: /damaged 1 time/,
    ruin: async (world) => {
      await shell(world.relay, "nft flush ruleset");
      await until("the table is put right", async () => {
        return (await world.status()).relay.mended === 1;
      });
    },
  },
  {
    id: "daemon.files",
    severity: "fail",
    says: /only 90 files/,
    ruin: async (world) => {
      const { pid } = await world.status();
      await shell(world.relay, `prlimit --pid ${pid} --nofile=90:90`);
    },
  },
  {
    id: "kernel.nftables",
    severity: "fail",
    says: /refuses the relay's table: no such expression/,
    ruin: ({ daemon }) => daemon.kill("SIGTERM"),
    prelude: standIn(
      "nft",
      'case "$1" in --check) echo no such expression >&2; exit 1 ;; esac; exec /usr/sbin/nft "$@"',
    ),
  },
  {
    id: "nft.flush",
    severity: "warn",
    says: /nftables\.conf flushes the whole ruleset/,
    ruin: () => {},
    prelude: `mount -t tmpfs none /mnt; echo "flush ruleset" >/mnt/f
      touch /etc/nftables.conf; mount --bind /mnt/f /etc/nftables.conf`,
  },
  {
    id: "nft.version",
    severity: "fail",
    says: /nft is 0\.9\.8/,
    ruin: () => {},
    prelude: standIn("nft", 'echo "nftables v0.9.8 (E.D.S.)"'),
  },
  {
    id: "nft.version",
    severity: "fail",
    says: /it is broken/,
    ruin: () => {},
    prelude: standIn("nft", "echo it is broken >&2; exit 1"),
  },
  {
    id: "media.address",
    severity: "fail",
    says: /no interface has the media address 192\.0\.2\.1/,
    ruin: ({ relay }) => relay.ip("address", "del", "192.0.2.1/24", "dev", "outside"),
  },
  {
    id: "media.address",
    severity: "fail",
    says: /192\.0\.2\.1 is on outside, which is down/,
    ruin: ({ relay }) => relay.ip("link", "set", "outside", "down"),
    curable: true,
  },
  {
    id: "media.route",
    severity: "warn",
    says: /to 9\.9\.9\.9 .*Network is unreachable/,
    ruin: () => {},
  },
  {
    id: "media.route",
    severity: "fail",
    says: /from 192\.0\.2\.1 to 192\.0\.2\.20 that came in by inside/,
    ruin: async ({ relay, kamailio }) => {
      await kamailio.open(CALL);
      relay.ip("rule", "add", "to", "192.0.2.20", "iif", "inside", "prohibit");
    },
  },
  {
    id: "ports.reserved",
    severity: "warn",
    says: /20000-30004 overlap net\.ipv4\.ip_local_port_range 15000-60999/,
    ruin: ({ relay }) => relay.setSysctl("ipv4/ip_local_port_range", "15000 60999"),
    curable: true,
  },
  {
    id: "ports.taken",
    severity: "fail",
    says: /10\.10\.1\.1:20500 of deno \(pid \d+\)/,
    ruin: (world) => world.use(new MediaSocket(world.relay, "10.10.1.1", 20500)),
  },
  {
    id: "ports.taken",
    severity: "warn",
    says: /another engine runs here: .*rtpengine \(pid \d+\)/,
    ruin: (world) => {
      const engine = `${world.daemon.folder}/rtpengine`;
      Deno.copyFileSync("/bin/sleep", engine);
      Deno.chmodSync(engine, 0o755);
      const process = world.relay.run(() => new Deno.Command(engine, { args: ["60"] }).spawn());
      world.use({
        [Symbol.asyncDispose]: async () => {
          process.kill("SIGKILL");
          await process.status;
        },
      });
    },
  },
  {
    id: "ports.capacity",
    severity: "warn",
    says: /hold 2500 calls, max_sessions is 20000/,
    world: { ini: { kernel: { max_sessions: 20000 } } },
    ruin: () => {},
  },
  {
    id: "conntrack.media",
    severity: "warn",
    says: /table inet early, chain c has media tracked: .*ct zone|mangle/,
    ruin: ({ relay }) =>
      shell(
        relay,
        "nft 'table inet early { chain c { type filter hook prerouting priority -301; udp dport 10000-40000 ct zone set 1; }; }'",
      ),
  },
  {
    id: "control.exposed",
    severity: "fail",
    says: /0\.0\.0\.0:8080 takes commands from 0\.0\.0\.0\/0/,
    world: { ini: { "UDP socket": { socket_udp_host: "0.0.0.0", allow: "0.0.0.0/0" } } },
    ruin: () => {},
  },
  {
    id: "control.exposed",
    severity: "warn",
    says: /reachable, though only this machine/,
    world: { ini: { "UDP socket": { socket_udp_host: "0.0.0.0" } } },
    ruin: () => {},
  },
  {
    id: "control.buffer",
    severity: "warn",
    says: /127\.0\.0\.1:8080 has lost \d+ command/,
    world: { ini: { "UDP socket": { receive_buffer: 4096 } } },
    ruin: async ({ relay, status }) => {
      // A daemon that does not run for a while does not read its socket.
      const { pid } = await status();
      await shell(
        relay,
        `kill -STOP ${pid}; for n in $(seq 200); do echo "1 P" >/dev/udp/127.0.0.1/8080; done; kill -CONT ${pid}`,
      );
    },
  },
  {
    id: "kamailio.socket",
    severity: "fail",
    says: /k\.cfg \(the file alone.*lrkproxy_sock is udp:127\.0\.0\.1:9999/,
    ruin: (world) =>
      script(world, (text) => text.replace("udp:127.0.0.1:8080", "udp:127.0.0.1:9999")),
  },
  {
    id: "kamailio.guard",
    severity: "fail",
    says: /Call-IDs of 49 characters and more reach/,
    ruin: (world) => script(world, (text) => text.replace("> 48", "> 128")),
  },
  {
    id: "kamailio.stale_limit",
    severity: "warn",
    says: /in PATH is 5\.6\.3, which never sends D, and stale_limit is 3600 s/,
    ruin: () => {},
    prelude: standIn("kamailio", 'echo "version: kamailio 5.6.3 (x86_64/linux)"'),
  },
  {
    id: "files.mode",
    severity: "fail",
    says: /lrkproxy\.ini has mode 0646/,
    ruin: ({ daemon }) => Deno.chmod(daemon.configPath, 0o646),
    curable: true,
  },
  {
    id: "files.mode",
    severity: "fail",
    says: /control\.sock has mode 0777/,
    ruin: ({ daemon }) => Deno.chmod(daemon.controlSocket, 0o777),
    curable: true,
  },
];

for (const { id, severity, says, world: options, ruin, curable = false, prelude = "" } of CASES) {
  Deno.test(`doctor: names ${id}, ${severity}: ${says.source}`, async () => {
    await using world = await openWorld(options);
    script(world, (text) => text);
    const run = {
      config: world.daemon.configPath,
      args: ["--kamailio", `${world.daemon.folder}/k.cfg`],
    };
    await ruin(world);
    const { of, code, passed } = await diagnose(world.relay, { ...run, prelude });
    const found = of(id).find((each) => each.severity === severity && says.test(each.what));
    assert(found, JSON.stringify(of(id)));
    assert(found.remedy.length > 0 && found.why !== null);
    assert.deepEqual([code, passed], severity === "fail" ? [1, false] : [code, code === 0]);
    if (!curable) return;
    await carryOut(world.relay, found);
    const cured = await diagnose(world.relay, run);
    assert(!cured.of(id).some((each) => says.test(each.what)), JSON.stringify(cured.of(id)));
  });
}

Deno.test("doctor: a file that is not the one in force is named, and so is one that was not read again", async () => {
  await using world = await openWorld();
  const { configPath, folder, adminSocket } = world.daemon;
  const [other, deaf] = [`${folder}/other.ini`, `${folder}/deaf.ini`];
  const text = await Deno.readTextFile(configPath);
  await Deno.writeTextFile(other, text);
  await Deno.writeTextFile(deaf, text.replace(adminSocket, `${folder}/none.sock`));
  for (const config of [other, deaf]) {
    const [found] = (await diagnose(world.relay, { config })).of("daemon.running");
    assert.equal(found?.severity, "warn", config);
    assert.deepEqual(found.remedy, [`lrkproxy doctor --config ${configPath}`]);
  }
  world.daemon.configure({ kernel: { end_port: 25000 } });
  const [unread] = (await diagnose(world.relay, { config: configPath })).of("daemon.running");
  assert.match(unread?.what ?? "", /as it is now: it says instance default: .*20000-25000/);
  assert.deepEqual(unread?.remedy, [`lrkproxy reload --config ${world.daemon.configPath}`]);
});

/** A relay as it is in want of nothing: what the machine itself may lack is not looked at. */
async function healthyWorld(): Promise<World> {
  return await openWorld({
    prepare: ({ relay }) => void relay.ip("route", "add", "default", "via", "192.0.2.20"),
  });
}

Deno.test("doctor: finds nothing on a relay that is in order, while calls run", async () => {
  await using world = await healthyWorld();
  script(world, (text) => text);
  await Deno.chmod(world.daemon.configPath, 0o640);
  await Deno.chmod(world.daemon.folder, 0o755);
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  const { code, findings } = await diagnose(world.relay, {
    config: world.daemon.configPath,
    args: ["--kamailio", `${world.daemon.folder}/k.cfg`],
  });
  // The clock, start-up files and other packets are the machine's own.
  const ofTheMachine: readonly CheckId[] = [
    "clock.sync",
    "nft.flush",
    "cpu.softirq",
    "ports.taken",
  ];
  const wrong = findings.filter(({ id, severity }) =>
    severity !== "ok" && !ofTheMachine.includes(id)
  );
  assert.deepEqual(wrong, []);
  assert.equal(code, 0);
});

/** Settings as a distribution has them, on a relay whose daemon is gone. */
async function ruinSettings(world: World): Promise<void> {
  await world.daemon.kill("SIGTERM");
  const { relay } = world;
  for (const link of ["inside", "outside"]) {
    relay.setSysctl(`ipv4/conf/${link}/forwarding`, "0");
    relay.setSysctl(`ipv4/conf/${link}/accept_local`, "0");
    relay.setSysctl(`ipv4/conf/${link}/rp_filter`, "1");
    relay.setSysctl(`ipv4/conf/${link}/send_redirects`, "1");
  }
}

const SETTINGS: readonly CheckId[] = [
  "sysctl.forwarding",
  "sysctl.accept_local",
  "sysctl.rp_filter",
  "sysctl.send_redirects",
];

Deno.test("doctor: names each setting on each media interface, and its remedies cure them", async () => {
  await using world = await healthyWorld();
  const run = { config: world.daemon.configPath };
  await ruinSettings(world);
  const { of } = await diagnose(world.relay, run);
  for (const id of SETTINGS) {
    const links = of(id).map(({ what }) => /conf\.(\w+)\./.exec(what)?.[1]);
    assert.deepEqual(links, ["inside", "outside"], id);
    for (const finding of of(id)) await carryOut(world.relay, finding);
  }
  const cured = await diagnose(world.relay, run);
  for (const id of SETTINGS) assert.deepEqual(cured.of(id).map(({ severity }) => severity), ["ok"]);
  assert.deepEqual(cured.of("media.route").map(({ severity }) => severity), ["ok"]);
});

Deno.test("doctor: a setting that is wrong under a running daemon is a failure", async () => {
  await using world = await healthyWorld();
  await until("it is seen before the daemon puts it right", async () => {
    world.relay.setSysctl("ipv4/conf/inside/accept_local", "0");
    const { of, code } = await diagnose(world.relay, { config: world.daemon.configPath });
    const [found] = of("sysctl.accept_local");
    return found?.severity === "fail" && code === 1;
  }, 20_000);
});

/** What --fix must leave alone. */
async function foreignState({ relay }: World): Promise<string> {
  return await shell(
    relay,
    "nft -s list ruleset; iptables-legacy-save -t filter | sed 's/\\[.*//; /^#/d'; sysctl -a 2>/dev/null | grep -E '^net.ipv4.(ip_|conf.(all|default|lo))' | grep -v reserved",
  );
}

Deno.test("doctor: --fix puts right the relay's own, tells each thing, and nothing else changes", async () => {
  await using world = await healthyWorld();
  const run = { config: world.daemon.configPath };
  await ruinSettings(world);
  await shell(world.relay, "nft delete table ip lrkproxy; iptables-legacy -P FORWARD DROP");
  world.relay.setSysctl("ipv4/ip_local_port_range", "15000 60999");
  world.relay.setSysctl("ipv4/ip_local_reserved_ports", "8080");
  await Deno.chmod(world.daemon.configPath, 0o666);
  const before = await foreignState(world);
  const { fixes, of } = await diagnose(world.relay, { ...run, args: ["--fix"] });
  assert.equal(await foreignState(world), before);
  for (const id of [...SETTINGS, "ports.reserved", "files.mode"] as const) {
    assert.deepEqual(of(id).map(({ severity }) => severity), ["ok"], id);
  }
  assert.equal(of("firewall.forward")[0]?.severity, "fail");
  assert.equal((fixes ?? []).length, 10, JSON.stringify(fixes));
  const reserved = await shell(world.relay, "sysctl -n net.ipv4.ip_local_reserved_ports");
  assert.equal(reserved.trim(), "8080,20000-30004");
  assert.equal((await Deno.stat(world.daemon.configPath)).mode ?? 0 & 0o777, 0o100660);
  // What it says about taking it back is true.
  for (const { undo } of fixes ?? []) await shell(world.relay, undo);
  const undone = await diagnose(world.relay, run);
  for (const id of [...SETTINGS, "ports.reserved", "files.mode"] as const) {
    assert.notEqual(undone.of(id)[0]?.severity, "ok", id);
  }
});

Deno.test("doctor: --fix on a relay that is in order does nothing and says so", async () => {
  await using world = await healthyWorld();
  await Deno.chmod(world.daemon.configPath, 0o640);
  const run = { config: world.daemon.configPath, args: ["--fix"] };
  assert.deepEqual((await diagnose(world.relay, run)).fixes, []);
});

Deno.test("doctor: media that began before the daemon ran are seen to be tracked", async () => {
  await using world = await healthyWorld();
  await world.daemon.kill("SIGTERM");
  await shell(
    world.relay,
    "nft delete table ip lrkproxy; nft 'table inet t { chain c { type filter hook prerouting priority 0; ct state new; }; }'",
  );
  const early = world.use(new MediaSocket(world.net.caller, "10.10.1.10", 6000));
  early.stream("rtp", "10.10.1.1:20002");
  await until("it is named", async () => {
    const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
    return of("conntrack.media").some(({ severity, what }) =>
      severity === "warn" && /1 stream\(s\) on the relay's ports are tracked/.test(what)
    );
  }, 15_000);
});

Deno.test("doctor: a rule that undoes notrack is named, and is what has media tracked", async () => {
  await using world = await healthyWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  const tracked = async (): Promise<boolean> => {
    return /udp .*port=2000[0-3] /.test(await shell(world.relay, "cat /proc/net/nf_conntrack"));
  };
  await shell(
    world.relay,
    "nft 'table inet t { chain c { type filter hook forward priority 0; ct state new; }; }'",
  );
  await world.status();
  assert.equal(await tracked(), false);
  await shell(
    world.relay,
    "nft 'table inet early { chain c { type filter hook prerouting priority -301; udp dport 10000-40000 ct zone set 1; }; }'",
  );
  await until("media are tracked", tracked);
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
  const [found] = of("conntrack.media");
  assert(found?.severity === "warn" && /table inet early, chain c/.test(found.what), found?.what);
});

Deno.test("doctor: tells of a table of tracked connections that fills up", async () => {
  await using world = await healthyWorld();
  await shell(
    world.relay,
    "nft 'table inet t { chain c { type filter hook prerouting priority 0; ct state new; }; }'",
  );
  const max = Number(await shell(world.relay, "sysctl -n net.netfilter.nf_conntrack_max"));
  const sender = world.use(new RawUdp(world.net.caller));
  const to = { address: addressOf("10.10.1.1"), port: 5060 };
  const payload = new Uint8Array(1);
  for (let n = 0; n < max * 0.85; n++) {
    const from = { address: addressOf("10.10.1.0") + 10 + (n >> 15), port: 1024 + (n & 0x7fff) };
    sender.send({ from, to, payload });
  }
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
  const [found] = of("conntrack.room");
  assert(found?.severity === "warn", found?.what);
  assert.match(found.what, new RegExp(`^\\d+ of ${max} tracked connections$`));
});

function addressOf(text: string): number {
  const address = parseIpv4(text);
  assert(address.ok);
  return address.value;
}

Deno.test("doctor: tells of a CPU that takes all packets, and not once RPS is on", async () => {
  await using world = await healthyWorld();
  const flood = new Deno.Command("ip", {
    args: ["netns", "exec", world.net.caller.name, "taskset", "1", "python3", "-c", FLOOD],
    stdout: "piped",
  }).spawn();
  world.use({
    [Symbol.asyncDispose]: async () => {
      flood.kill("SIGKILL");
      await flood.output();
    },
  });
  const run = { config: world.daemon.configPath };
  const found = await until("it is named", async () => {
    const [finding] = (await diagnose(world.relay, run)).of("cpu.softirq");
    return finding?.severity === "warn" && /takes \d+ % of \d+ packets/.test(finding.what) &&
      finding;
  }, 30_000);
  assert.match(found.what, /^CPU 0 /);
  assert.match(
    found.remedy.join("\n"),
    /^echo \w+ >\/sys\/class\/net\/inside\/queues\/rx-0\/rps_cpus$/m,
  );
  await carryOut(world.relay, found);
  const after = (await diagnose(world.relay, run)).of("cpu.softirq")[0];
  assert.doesNotMatch(after?.remedy.join() ?? "", /rps_cpus/);
});

/** One socket that sends as fast as it can. */
const FLOOD = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.10.1.1", 5060))
while True:
    try:
        s.send(b"x" * 172)
    except OSError:
        pass
`;

Deno.test("doctor: says of the clock what the kernel says", async () => {
  await using world = await healthyWorld();
  const status = await shell(
    world.relay,
    `python3 -c 'import ctypes; b = ctypes.create_string_buffer(208); ctypes.CDLL(None).adjtimex(b); print(int.from_bytes(b.raw[40:44], "little") & 0x40)'`,
  );
  const [found] = (await diagnose(world.relay, { config: world.daemon.configPath })).of(
    "clock.sync",
  );
  assert.equal(found?.severity, status.trim() === "0" ? "ok" : "warn");
});

Deno.test("doctor: an ordinary user is told what he cannot look at, and the rest", async () => {
  await using world = await healthyWorld();
  await Deno.chmod(world.daemon.folder, 0o755);
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath, ...AS_NOBODY });
  for (const id of ["daemon.running", "firewall.forward"] as const) {
    assert.deepEqual(of(id).map(({ severity }) => severity), ["skip"], id);
  }
  for (const id of ["config.valid", "media.address", "sysctl.forwarding"] as const) {
    assert(of(id).every(({ severity }) => severity === "ok"), id);
  }
});

Deno.test("doctor: wrong usage ends with 2", async () => {
  assert.equal((await lrkproxy("doctor", "--nonsense")).code, 2);
});

Deno.test("doctor: media addresses on lo are no reason for an alarm, with and without a call", async () => {
  await using world = await openWorld({
    prepare: (net) => {
      renumber(net);
      for (const each of ["10.10.1.1/32", "192.0.2.1/32"]) {
        net.relay.ip("address", "add", each, "dev", "lo");
      }
    },
  });
  const routes = async (): Promise<void> => {
    const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
    const found = of("media.route");
    assert.deepEqual(found.filter(({ severity }) => severity === "fail"), []);
    // Nothing leaves by lo.
    assert.doesNotMatch(JSON.stringify(found), /by lo|dev lo/);
  };
  await routes();
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  await routes();
});
