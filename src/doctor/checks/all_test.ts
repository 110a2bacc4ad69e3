import assert from "node:assert/strict";
import { err, ok } from "../../base/result.ts";
import { sessionView } from "../../../tests/golden/views.ts";
import type { Facts } from "../facts.ts";
import { type CheckId, CHECKS, type Severity } from "../finding.ts";
import { parseIptables } from "../firewall/iptables.ts";
import { callPaths } from "../media_paths.ts";
import { config, healthy, localAddress, STATUS } from "../testing/healthy.ts";
import { examine } from "./all.ts";

Deno.test("examine() finds nothing on a healthy relay, and every check says so", () => {
  const findings = examine(healthy());
  assert.deepEqual(findings.filter(({ severity }) => severity !== "ok"), []);
  assert.deepEqual([...new Set(findings.map(({ id }) => id))], CHECKS.map(([id]) => id));
});

const DAEMON = healthy().daemon;
const SYSCTLS = healthy().sysctls;
const ABSENT = { ...DAEMON, status: err("No such file or directory"), ownsTable: false };
const MODULE = healthy().module;
const KMOD = { sessions: 1, flows: 4, room: 100, dropped: {}, left: {} };
const SWAP = /^\[kernel\] in .*: internal_ip : 192\.0\.2\.1, external_ip : 10\.10\.1\.1$/m;
const KAMAILIO = healthy().kamailio;
const NOW_MS = healthy().clock.nowMs;
/** There is no default route. */
const UNREACHABLE = {
  from: "192.0.2.1",
  to: "9.9.9.9",
  iif: null,
  target: "anybody",
  way: err("Network is unreachable"),
} as const;

const PUBLIC_ADDRESSES = [
  localAddress("inside", "198.51.100.7"),
  localAddress("outside", "10.10.1.1"),
];

function status(changes: Partial<typeof STATUS>): Pick<Facts, "daemon"> {
  return { daemon: { ...DAEMON, status: ok({ ...STATUS, ...changes }) } };
}

/** A FORWARD chain with one rule, which lets pass what that does not concern. */
function forward(rule: string): Facts["firewall"] {
  const text = ["*filter", ":FORWARD ACCEPT [0:0]", `-A FORWARD ${rule}`, "COMMIT"].join("\n");
  return ok(parseIptables(text, "iptables-nft"));
}

/** Both directions of a call of 10.10.1.10:6000 and 192.0.2.20:7000. */
const CALLS = callPaths(config(), [sessionView()], {
  addresses: healthy().addresses,
  routes: straight({ isHeard: true }).routes,
});

function file(kind: Facts["files"][number]["kind"], mode: number, path = "/x/y"): Facts["files"] {
  return [{ path, kind, mode, uid: 0 }];
}

const CASES:
  readonly (readonly [CheckId, Severity, Partial<Facts>, says: RegExp, remedy?: RegExp])[] = [
    ["config.valid", "fail", { config: err("x.ini:3: unknown key") }, /x\.ini:3/, /check-config/],
    ["daemon.running", "warn", { daemon: ABSENT }, /no daemon runs/, /systemctl start/],
    [
      "daemon.running",
      "warn",
      { daemon: { ...ABSENT, ownsTable: true } },
      /does not answer/,
      /--socket/,
    ],
    ["daemon.running", "warn", status({ version: "0.0.1" }), /0\.0\.1/, /restart/],
    [
      "daemon.running",
      "warn",
      { daemon: { ...DAEMON, configPath: "/other.ini", hasSameConfig: false } },
      /goes by \/other\.ini, this report by \/etc/,
      /doctor --config \/other\.ini$/,
    ],
    [
      "daemon.running",
      "warn",
      { daemon: { ...ABSENT, ownsTable: true, configPath: "/other.ini", hasSameConfig: false } },
      /does not answer/,
      /doctor --config \/other\.ini$/,
    ],
    [
      "daemon.running",
      "warn",
      { config: ok(portsTo(40000)) },
      /does not go by .* it says instance default: .*20000-40000/,
      /^lrkproxy reload$/,
    ],
    ["daemon.running", "skip", {
      daemon: { ...ABSENT, status: err("Permission denied (os error 13)"), ownsTable: true },
      user: { uid: 1000, mayAdministerNetwork: false },
    }, /run it as root/],
    [
      "daemon.warnings",
      "warn",
      status({ warnings: ["No interface has it"], remedies: [["ip address add it"]] }),
      /No interface has it/,
      /^ip address add it$/,
    ],
    ["daemon.warnings", "warn", status({ relay: { mended: 3 } }), /damaged 3 time/, /nft monitor/],
    [
      "daemon.files",
      "fail",
      { daemon: { ...DAEMON, openFilesLimit: 64 } },
      /only 64/,
      /LimitNOFILE/,
    ],
    ["daemon.files", "skip", { daemon: { ...DAEMON, openFilesLimit: null } }, /root/],
    [
      "kernel.nftables",
      "fail",
      { tableCheck: err("Error: nope\nmore") },
      /Error: nope$/,
      /modprobe/,
    ],
    ["kernel.nftables", "ok", { tableCheck: ok(true) }, /dry run/],
    ["kernel.nftables", "skip", {
      tableCheck: err("Operation not permitted"),
      user: { uid: 1000, mayAdministerNetwork: false },
    }, /root or CAP_NET_ADMIN/],
    [
      "kernel.module",
      "ok",
      {},
      /no lrkproxy\.ko is installed for Linux .*none is needed: nftables relays everything/,
    ],
    ["kernel.module", "ok", { module: { ...MODULE, isInstalled: true } }, /modprobe lrkproxy/],
    ["kernel.module", "ok", {
      module: { isLoaded: true, isInstalled: true, obstacle: null },
      ...status({ paths: { ...STATUS.paths, kmod: KMOD, reason: "the load is low" } }),
    }, /loaded: 4 of 100 flows; the load is low$/],
    [
      "kernel.module",
      "warn",
      {
        module: { isLoaded: true, isInstalled: true, obstacle: null },
        ...status({ paths: { ...STATUS.paths, reason: "Cannot open /dev/lrkproxy" } }),
      },
      /^Cannot open/,
      /ls -l/,
    ],
    [
      "kernel.module",
      "warn",
      { config: ok(config("mode = kmod")), module: { ...MODULE, isInstalled: true } },
      /mode is kmod/,
      /^modprobe lrkproxy$/,
    ],
    [
      "kernel.module",
      "warn",
      { config: ok(config("mode = kmod")) },
      /mode is kmod/,
      /apt-get install linux-headers/,
    ],
    ["nft.version", "fail", { nftVersion: ok("0.9.8") }, /0\.9\.8/, /apt-get/],
    ["nft.version", "fail", { nftVersion: ok("1.0.5") }, /1\.0\.5/],
    ["nft.version", "ok", { nftVersion: ok("1.1.3") }, /1\.1\.3/],
    ["nft.version", "ok", { nftVersion: ok("1.1.0") }, /1\.1\.0/],
    [
      "nft.version",
      "fail",
      { nftVersion: err("nft is not installed") },
      /not installed/,
      /apt-get/,
    ],
    [
      "nft.flush",
      "warn",
      { nftFiles: [{ path: "/n", text: "#!/x\nflush ruleset\n" }] },
      /\/n/,
      /delete/,
    ],
    ["nft.flush", "ok", { nftFiles: [{ path: "/n", text: "# flush ruleset\n" }] }, /no start-up/],
    [
      "sysctl.forwarding",
      "fail",
      {
        sysctls: { ...SYSCTLS, "net/ipv4/conf/inside/forwarding": "0" },
      },
      /inside\.forwarding is 0, must be 1/,
      /^sysctl -w net\/ipv4\/conf\/inside\/forwarding=1$/,
    ],
    ["sysctl.forwarding", "warn", {
      daemon: ABSENT,
      sysctls: { ...SYSCTLS, "net/ipv4/conf/inside/forwarding": "0" },
    }, /inside\.forwarding/],
    ["sysctl.accept_local", "fail", {
      sysctls: { ...SYSCTLS, "net/ipv4/conf/outside/accept_local": "0" },
    }, /outside\.accept_local is 0/],
    ["sysctl.rp_filter", "fail", {
      sysctls: { ...SYSCTLS, "net/ipv4/conf/inside/rp_filter": "1" },
    }, /inside\.rp_filter is 1, must be 2/],
    // The stricter of both counts: 0 on the interface does not help against 1 on all.
    ["sysctl.rp_filter", "fail", {
      sysctls: { ...SYSCTLS, "net/ipv4/conf/inside/rp_filter": "0" },
    }, /inside\.rp_filter is 0, must be 2/],
    ["sysctl.rp_filter", "ok", {
      sysctls: {
        ...SYSCTLS,
        "net/ipv4/conf/inside/rp_filter": "0",
        "net/ipv4/conf/all/rp_filter": "0",
      },
    }, /right/],
    // Without an address nothing but no filter at all lets rewritten packets in.
    [
      "sysctl.rp_filter",
      "fail",
      {
        numbered: ["lo", "outside"],
        sysctls: { ...SYSCTLS, "net/ipv4/conf/all/rp_filter": "0" },
      },
      /inside\.rp_filter is 2, must be 0/,
    ],
    [
      "sysctl.rp_filter",
      "fail",
      { numbered: ["lo", "outside"] },
      /all\.rp_filter is 1 but has to be 0: .* on inside/,
      /^sysctl -w net\/ipv4\/conf\/all\/rp_filter=0/,
    ],
    ["sysctl.send_redirects", "fail", {
      sysctls: { ...SYSCTLS, "net/ipv4/conf/inside/send_redirects": "1" },
    }, /send_redirects is 1/],
    ["firewall.forward", "skip", { firewall: err("Operation not permitted") }, /not permitted/],
    ["firewall.forward", "skip", { legacyFirewall: err("not installed") }, /not installed/],
    [
      "firewall.forward",
      "warn",
      { firewall: forward("-d 192.0.2.0/24 -j DROP"), calls: CALLS },
      /drops media of live calls \(1 of 2 directions\), from 192\.0\.2\.1:20000 to 192\.0\.2\.20:7000: rule ".*192\.0\.2\.0\/24/,
      /^iptables-nft -I FORWARD -s 192\.0\.2\.1 /,
    ],
    [
      "firewall.forward",
      "warn",
      { firewall: forward("-p udp --dport 7000 -j DROP"), calls: CALLS },
      /1 of 2 directions.* rule ".*--dport 7000/,
    ],
    [
      "firewall.forward",
      "ok",
      { firewall: forward("-d 192.0.2.21 -j DROP"), calls: CALLS },
      /^1 chain\(s\) let media pass; .*not let media of some parties pass: rule ".*\.21.*\(no call is up with one/,
    ],
    [
      "firewall.forward",
      "warn",
      { firewall: forward("-d 192.0.2.21 -j DROP") },
      /does not let media of some parties pass: rule ".*192\.0\.2\.21/,
      /^iptables-nft -I FORWARD -s 192\.0\.2\.1,10\.10\.1\.1 /,
    ],
    ["firewall.forward", "warn", { firewall: forward("-d 192.0.2.21 -j NFQUEUE") }, /cannot tell/],
    ["firewall.forward", "ok", { firewall: forward("-d 192.0.2.21 -j RETURN") }, /pass$/],
    ["firewall.forward", "ok", { firewall: forward("-d 224.0.0.0/4 -j DROP") }, /pass$/],
    ["media.address", "fail", { addresses: [localAddress("inside", "10.10.1.1")] }, /192\.0\.2\.1/],
    [
      "media.address",
      "fail",
      {
        links: [{ name: "inside", state: "down", isEnabled: false, rpsMasks: [] }],
      },
      /inside, which is down/,
      /ip link set inside up/,
    ],
    [
      "media.address",
      "fail",
      { links: [{ name: "inside", state: "down", isEnabled: true, rpsMasks: [] }] },
      /inside, which has no carrier/,
      /^ip -d link show inside .*the other end/,
    ],
    [
      "media.sides",
      "fail",
      swapped({ isHeard: false }),
      /192\.0\.2\.20 is reached by outside and told 10\.10\.1\.1, which is on inside/,
      SWAP,
    ],
    ["media.sides", "warn", swapped({ isHeard: true }), /look swapped/, SWAP],
    // A party that is reached the other way, as of two phones on one side, is no sign by itself.
    [
      "media.sides",
      "ok",
      { routes: swapped({ isHeard: false }).routes.slice(0, 1) },
      /1 of 1 parties/,
    ],
    [
      "media.sides",
      "warn",
      {
        config: ok({
          ...config(),
          instances: config().instances.map((each) => ({
            ...each,
            internalIp: "198.51.100.7",
            externalIp: "10.10.1.1",
          })),
        }),
      },
      /external_ip 10\.10\.1\.1 is private/,
      /internal_ip : 10\.10\.1\.1, external_ip : 198/,
    ],
    [
      "media.sides",
      "warn",
      {
        config: ok({
          ...config(),
          instances: config().instances.map((each) => ({ ...each, externalIp: "10.20.0.1" })),
        }),
        routes: healthy().routes.map((each) => ({ ...each, way: ok("inside") })),
      },
      /default route leaves by inside/,
      /internal_ip : 10\.20\.0\.1, external_ip : 10\.10\.1\.1/,
    ],
    // A private and a public address, the right way round: the internet may well be behind the phones.
    [
      "media.sides",
      "ok",
      { routes: healthy().routes.map((each) => ({ ...each, way: ok("inside") })) },
      /no call is up/,
    ],
    // Nobody has ever asked, and the file was changed since the start.
    ["media.sides", "warn", {
      config: ok(publicInside()),
      addresses: PUBLIC_ADDRESSES,
      configChangedMs: NOW_MS - 10_000,
    }, /internal_ip 198\.51\.100\.7 is public, external_ip 10\.10\.1\.1 is private/],
    ["media.sides", "warn", {
      config: ok(publicInside()),
      addresses: [localAddress("lo", "198.51.100.7"), localAddress("lo", "10.10.1.1")],
      routes: straight({ isHeard: false }).routes,
    }, /internal_ip 198\.51\.100\.7 is public/],
    // The file was changed, and its addresses are what Kamailio gives out.
    [
      "media.sides",
      "ok",
      {
        routes: straight({ isHeard: true }).routes,
        ...asked("10.10.1.1", "192.0.2.1"),
        configChangedMs: NOW_MS - 10_000,
      },
      /parties are reached by the interface of the address they are told/,
    ],
    [
      "media.sides",
      "fail",
      {
        routes: swapped({ isHeard: false }).routes,
        ...asked("10.10.1.1", "192.0.2.1"),
        configChangedMs: NOW_MS - 10_000,
      },
      /look swapped/,
      SWAP,
    ],
    // The file is right by now, and Kamailio goes by what it was.
    [
      "media.sides",
      "fail",
      { routes: swapped({ isHeard: false }).routes, ...asked("192.0.2.1", "10.10.1.1") },
      /gives out internal_ip and external_ip the wrong way round: .*192\.0\.2\.20 is reached by outside/,
      /^restart Kamailio$/,
    ],
    // The file is wrong by now, and calls are well until Kamailio is restarted.
    [
      "media.sides",
      "warn",
      { routes: straight({ isHeard: true }).routes, ...asked("192.0.2.1", "10.10.1.1") },
      /look swapped: Kamailio, .* 10\.10\.1\.10, which is reached by inside, is told 10\.10\.1\.1/,
      SWAP,
    ],
    // That they are reached by a third interface proves nothing.
    ["media.sides", "ok", {
      routes: straight({ isHeard: true }).routes.map((each) => ({ ...each, way: ok("third") })),
      ...asked("192.0.2.1", "10.10.1.1"),
    }, /nothing speaks against/],
    // Calls of other addresses, or from before the last answer, say nothing of the file.
    [
      "media.sides",
      "ok",
      { routes: swapped({ isHeard: false }).routes, ...asked("10.10.1.3", "192.0.2.1") },
      /nothing speaks against .*opens calls with other ones/,
    ],
    ["media.sides", "ok", {
      routes: swapped({ isHeard: false }).routes.map((each) => ({
        ...each,
        openedMs: NOW_MS - 9000,
      })),
      ...asked("10.10.1.1", "192.0.2.1"),
    }, /no call is up/],
    [
      "media.sides",
      "fail",
      { ...swapped({ isHeard: false }), configChangedMs: NOW_MS - 3_600_000 },
      /look swapped/,
      /^or, if Kamailio was started before the file was put right: restart Kamailio alone$/,
    ],
    ["media.sides", "ok", { daemon: ABSENT }, /no daemon says which calls are up/],
    ["media.sides", "ok", {
      routes: swapped({ isHeard: false }).routes.map((each) => ({ ...each, openedMs: 1 })),
      configChangedMs: 2,
    }, /no call is up/],
    ["media.sides", "skip", { addresses: [] }, /on no interface/],
    [
      "media.route",
      "warn",
      {
        routes: [{ ...UNREACHABLE, iif: "inside" }],
      },
      /unreachable/,
      /ip route add default .* dev outside/,
    ],
    [
      "media.route",
      "warn",
      {
        addresses: [
          { ...localAddress("lo", "192.0.2.1"), bringsPackets: false },
          localAddress("inside", "10.10.1.1"),
        ],
        routes: [UNREACHABLE],
      },
      /to 9\.9\.9\.9: Network is unreachable$/,
      /default via GATEWAY dev INTERFACE$/,
    ],
    // The interface of a swapped address is the wrong one.
    [
      "media.route",
      "warn",
      {
        config: ok(publicInside()),
        addresses: PUBLIC_ADDRESSES,
        routes: [{ ...UNREACHABLE, from: "10.10.1.1" }],
      },
      /to 9\.9\.9\.9: Network is unreachable$/,
      /default via GATEWAY dev INTERFACE$/,
    ],
    ["media.route", "fail", {
      routes: [{
        from: "10.10.1.1",
        to: "10.10.1.2",
        iif: "outside",
        target: "neighbour",
        way: err("No route to host"),
      }],
    }, /No route to host/],
    [
      "ports.reserved",
      "warn",
      {
        config: ok(portsTo(40000)),
      },
      /20000-40004 overlap/,
      /ip_local_reserved_ports=20000-40004$/,
    ],
    ["ports.taken", "fail", {
      sockets: ok([{ address: 0, port: 20010, program: "rtpengine (pid 7)", drops: 0 }]),
    }, /0\.0\.0\.0:20010 of rtpengine/],
    ["ports.taken", "fail", {
      daemon: ABSENT,
      sockets: ok([{ address: 0x7f000001, port: 8080, program: "other (pid 7)", drops: 0 }]),
    }, /8080 is taken by other/],
    ["ports.taken", "ok", {
      sockets: ok([{ address: 0x7f000001, port: 20010, program: null, drops: 0 }]),
    }, /nobody/],
    ["ports.taken", "warn", { engines: ["rtpengine (pid 7)"] }, /rtpengine/],
    ["ports.capacity", "warn", { config: ok(config("max_sessions : 20000")) }, /hold 2500 calls/],
    [
      "ports.capacity",
      "warn",
      status({
        instances: STATUS.instances.map((each) => ({ ...each, portsInUse: 9000, calls: 2250 })),
      }),
      /uses 90 % of its ports \(2250 of 2500 calls\)/,
    ],
    [
      "conntrack.media",
      "warn",
      {
        tracked: ok([{
          sources: ["10.10.1.10"],
          destinations: ["10.10.1.1"],
          ports: [6000, 20002],
        }]),
      },
      /1 stream/,
      /conntrack -D/,
    ],
    ["conntrack.media", "ok", {
      tracked: ok([{ sources: ["10.10.1.10"], destinations: ["10.10.1.1"], ports: [6000, 5060] }]),
    }, /no relayed stream/],
    ["conntrack.media", "skip", { tracked: err("Cannot read it") }, /Cannot read it/],
    [
      "conntrack.room",
      "warn",
      {
        sysctls: { ...SYSCTLS, "net/netfilter/nf_conntrack_count": "850" },
      },
      /850 of 1000/,
      /nf_conntrack_max=4000/,
    ],
    ["conntrack.room", "fail", {
      sysctls: { ...SYSCTLS, "net/netfilter/nf_conntrack_count": "1000" },
    }, /1000 of 1000/],
    ["control.exposed", "fail", exposed("0.0.0.0", "0.0.0.0/0"), /from 0\.0\.0\.0\/0/, /allow/],
    ["control.exposed", "fail", exposed("0.0.0.0", "10.0.0.0/7"), /10\.0\.0\.0\/7/],
    ["control.exposed", "warn", exposed("0.0.0.0", "198.51.100.7"), /198\.51\.100\.7\/32/],
    ["control.exposed", "ok", exposed("10.10.1.1", "10.10.0.0/16"), /private/],
    ["control.exposed", "warn", exposed("0.0.0.0", "127.0.0.0/8"), /reachable/, /127\.0\.0\.1/],
    [
      "control.buffer",
      "warn",
      {
        sockets: ok([{ address: 0x7f000001, port: 8080, program: null, drops: 12 }]),
      },
      /127\.0\.0\.1:8080 has lost 12/,
      /receive_buffer/,
    ],
    ["kamailio.socket", "skip", { kamailio: { ...KAMAILIO, installed: "5.6.3" } }, /--kamailio/],
    ["kamailio.guard", "skip", { kamailio: { ...KAMAILIO, installed: "5.6.3" } }, /--kamailio/],
    [
      "kamailio.stale_limit",
      "warn",
      { kamailio: { ...KAMAILIO, installed: "5.6.3" } },
      /in PATH is 5\.6\.3, which never sends D/,
      /stale_limit : 60/,
    ],
    [
      "cpu.softirq",
      "warn",
      {
        cpu: { seconds: 0.5, packets: [9000, 100], received: 9100, dropped: 0 },
        links: [{ name: "inside", state: "up", isEnabled: true, rpsMasks: ["00"] }],
      },
      /CPU 0 takes 99 %/,
      /^echo 3 >\/sys\/class\/net\/inside\/queues\/rx-0\/rps_cpus$/,
    ],
    [
      "cpu.softirq",
      "warn",
      {
        cpu: { seconds: 0.5, packets: [9000, 100], received: 9100, dropped: 0 },
      },
      /CPU 0/,
      /irqbalance/,
    ],
    // Those of other namespaces are none of the relay's.
    ["cpu.softirq", "ok", {
      cpu: { seconds: 0.5, packets: [9000, 100], received: 100, dropped: 0 },
    }, /18200/],
    ["cpu.softirq", "ok", {
      cpu: { seconds: 0.5, packets: [5000, 4000], received: 9000, dropped: 0 },
    }, /18000/],
    [
      "cpu.softirq",
      "ok",
      { cpu: { seconds: 0.5, packets: [9000], received: 9000, dropped: 0 } },
      /1 CPU/,
    ],
    [
      "cpu.softirq",
      "warn",
      {
        cpu: { seconds: 0.5, packets: [1, 1], received: 2, dropped: 9 },
      },
      /9 packets were dropped/,
      /netdev_max_backlog|irqbalance/,
    ],
    ["clock.sync", "fail", { clock: { kernel: null, nowMs: 86_400_000 } }, /1970-01-02/],
    [
      "clock.sync",
      "warn",
      {
        clock: { kernel: { synchronised: false, maxErrorSeconds: 16 }, nowMs: Date.UTC(2026, 0) },
      },
      /nothing keeps/,
      /timesyncd/,
    ],
    ["files.mode", "fail", { files: file("config", 0o646) }, /0646/, /^chmod 0640 \/x\/y$/],
    ["files.mode", "warn", { files: file("config", 0o644) }, /0644/, /^chmod 0640 \/x\/y$/],
    ["files.mode", "ok", { files: file("config", 0o640) }, /only their owners/],
    ["files.mode", "fail", { files: file("admin socket", 0o666) }, /0666/, /chmod 0660/],
    ["files.mode", "ok", { files: file("admin socket", 0o660) }, /only their owners/],
    ["files.mode", "fail", { files: file("control socket", 0o777) }, /0777/, /chmod 0660/],
    ["files.mode", "ok", { files: file("control socket", 0o660) }, /only their owners/],
    ["files.mode", "fail", { files: file("folder", 0o777) }, /0777/, /chmod 0775/],
    ["files.mode", "ok", { files: file("folder", 0o1777) }, /only their owners/],
    [
      "files.mode",
      "fail",
      {
        files: [
          { path: "/x", kind: "folder", mode: 0o755, uid: 5 },
          { path: "/x/y", kind: "admin socket", mode: 0o600, uid: 7 },
        ],
      },
      /belongs to user 5/,
      /chown 7 \/x/,
    ],
  ];

/** Parties of a call that are each reached by the interface of the other one's address. */
function swapped({ isHeard }: { readonly isHeard: boolean }): Pick<Facts, "routes"> {
  const target = "party";
  return {
    routes: [
      { from: "10.10.1.1", to: "192.0.2.20", iif: "outside", target, isHeard, way: ok("outside") },
      { from: "192.0.2.1", to: "10.10.1.10", iif: "inside", target, isHeard, way: ok("inside") },
    ],
  };
}

/** The same parties, each reached by the interface of the address that it is told. */
function straight({ isHeard }: { readonly isHeard: boolean }): Pick<Facts, "routes"> {
  const target = "party";
  return {
    routes: [
      { from: "192.0.2.1", to: "192.0.2.20", iif: "inside", target, isHeard, way: ok("outside") },
      { from: "10.10.1.1", to: "10.10.1.10", iif: "outside", target, isHeard, way: ok("inside") },
    ],
  };
}

/** A daemon whose Kamailio opens calls and was told these addresses five seconds ago. */
function asked(internal: string, external: string): Pick<Facts, "daemon"> {
  const told = { internal, external, sinceMs: NOW_MS - 5000 };
  const counts = { lastSeconds: 1, configSeconds: 5, open: 2, close: 0 };
  return status({ peers: [{ instance: "default", address: "127.0.0.1", ...counts, told }] });
}

/** A file with a public address inside and a private one outside. */
function publicInside(): ReturnType<typeof config> {
  const pair = {
    ...{ internalIp: "198.51.100.7", internalLocal: "198.51.100.7" },
    ...{ externalIp: "10.10.1.1", externalLocal: "10.10.1.1" },
  };
  return { ...config(), instances: config().instances.map((each) => ({ ...each, ...pair })) };
}

function portsTo(endPort: number): ReturnType<typeof config> {
  const usual = config();
  return { ...usual, instances: usual.instances.map((each) => ({ ...each, endPort })) };
}

function exposed(host: string, allow: string): Partial<Facts> {
  return { config: ok(config("", `[UDP socket]\nsocket_udp_host : ${host}\nallow : ${allow}`)) };
}

Deno.test("examine() names what is wrong, why it matters, and what to do", () => {
  for (const [id, severity, changes, says, remedy] of CASES) {
    const own = examine(healthy(changes)).filter((finding) => finding.id === id);
    const found = own.find((finding) => finding.severity === severity && says.test(finding.what));
    assert(found, `${id} ${severity} ${says} in ${JSON.stringify(own)}`);
    const isBad = severity === "warn" || severity === "fail";
    assert.equal(found.why !== null && found.remedy.length > 0, isBad, id);
    if (remedy) assert(found.remedy.some((each) => remedy.test(each)), `${id}: ${found.remedy}`);
  }
});

Deno.test("examine() has a case above for every check that a pure fact can break", () => {
  const tried = new Set(CASES.map(([id]) => id));
  const elsewhere = ["firewall.ingress", "firewall.prerouting", "firewall.postrouting"];
  assert.deepEqual(
    CHECKS.map(([id]) => id).filter((id) => !tried.has(id) && !elsewhere.includes(id)),
    [],
  );
});

Deno.test("examine() gives remedies that can be run as they stand where the file is elsewhere", () => {
  const facts = healthy({ configPath: "/x.ini", config: ok(portsTo(40000)) });
  const unread = examine(facts).find(({ id }) => id === "daemon.running");
  assert.deepEqual(unread?.remedy, ["lrkproxy reload --config /x.ini"]);
});
