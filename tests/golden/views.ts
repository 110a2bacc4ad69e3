/** What the texts of `status`, `sessions`, `show` and `check-config` are pinned with. */
import type { Config } from "../../src/config/config.ts";
import { formatErrors, loadConfigText } from "../../src/config/load.ts";
import type {
  DrainView,
  FlowView,
  PartyView,
  ReloadView,
  SessionReport,
  SessionView,
  StatusView,
} from "../../src/control/admin.ts";
import { failure, good, skipped, warning } from "../../src/doctor/finding.ts";
import type { Report } from "../../src/doctor/report.ts";
import { explain } from "../../src/daemon/explain.ts";
import { remediesOf } from "../../src/daemon/warnings.ts";

/** A Call-ID that clears the screen, ends its line and is not ASCII. */
export const HOSTILE_CALL_ID = "evil\x1b[2J\r\n\x7f\x9b\xe9@phone";

/** 2023-11-14T22:13:20.000Z. */
const EPOCH_MS = 1_700_000_000_000;

const SILENT: FlowView = {
  ...{ source: null, latch: "open", packets: 0, bytes: 0 },
  ...{ ageSeconds: null, ageAtMostSeconds: null },
};

/** A flow that was last heard 0.2 s ago. */
export function flow(variant: Partial<FlowView> = {}): FlowView {
  const heard = { source: "10.10.1.10:6000", packets: 1500, bytes: 300_000, ageSeconds: 0.2 };
  const ageAtMostSeconds = variant.ageSeconds === undefined ? 0.7 : variant.ageSeconds;
  return { latch: "locked", ...heard, ageAtMostSeconds, ...variant };
}

/** The caller of a call that goes well. */
export function caller(variant: Partial<PartyView> = {}): PartyView {
  return {
    signalled: "10.10.1.10:6000",
    onHold: false,
    relay: "10.10.1.1:20002",
    rtp: flow(),
    rtcp: flow({ source: "10.10.1.10:6001", packets: 6, bytes: 504, ageSeconds: 4.1 }),
    ...variant,
  };
}

/** Its callee. */
export function callee(variant: Partial<PartyView> = {}): PartyView {
  return {
    signalled: "192.0.2.20:7000",
    onHold: false,
    relay: "192.0.2.1:20000",
    rtp: flow({ source: "192.0.2.20:7000", packets: 1498, bytes: 299_600 }),
    rtcp: SILENT,
    ...variant,
  };
}

/** A call that goes well. */
export function sessionView(variant: Partial<SessionView> = {}): SessionView {
  return {
    callId: "a84b4c76e66710@pc33.example.com",
    instance: "default",
    state: "active",
    path: "nft",
    pathReason: null,
    createdMs: EPOCH_MS,
    ageSeconds: 12_000,
    caller: caller(),
    callee: callee(),
    ...variant,
  };
}

const BEHIND_NAT = sessionView({
  callId: "nat@phone",
  ageSeconds: 95,
  caller: caller({ rtp: flow({ source: "10.10.1.10:41234", latch: "contested" }) }),
  callee: callee({ rtp: SILENT }),
});

const ON_HOLD = sessionView({
  callId: "hold@phone",
  path: "kmod",
  pathReason: "the caller's RTP: the other party is on hold",
  state: "stale",
  ageSeconds: 190_000,
  caller: caller({
    rtp: flow({ packets: 8_640_000, bytes: 1_728_000_000, ageSeconds: 75.5 }),
    rtcp: flow({ source: "10.10.1.10:6001", packets: 34_560, bytes: 2_903_040, ageSeconds: 77 }),
  }),
  callee: callee({ signalled: "0.0.0.0:7000", onHold: true, rtp: SILENT }),
});

/** What `sessions` lists. */
export const SESSIONS: readonly SessionView[] = [
  sessionView(),
  BEHIND_NAT,
  ON_HOLD,
  sessionView({
    callId: HOSTILE_CALL_ID,
    state: "unheard",
    ageSeconds: 0,
    caller: caller({ rtp: SILENT, rtcp: SILENT }),
    callee: callee({ rtp: SILENT }),
  }),
];

/** What `show` tells, one report for each session. */
export const REPORTS: readonly SessionReport[] = [
  report(sessionView(), []),
  report(BEHIND_NAT, [
    { from: "10.10.1.10:6000", to: "10.10.1.1:20002", packets: 1 },
    { from: "203.0.113.9:7000", to: "192.0.2.1:20001", packets: 250 },
  ]),
  { ...report(ON_HOLD, []), loss: [{ party: "caller", sent: 8_640_123, lost: 123 }] },
];

function report(session: SessionView, strangers: SessionReport["strangers"]): SessionReport {
  const findings = explain(session, { strangers, warnings: [], ways: [] });
  return { session, strangers, loss: [], ways: [], findings };
}

/** What `status` shows. */
export const STATUS: StatusView = {
  version: "1.2.3",
  pid: 4711,
  uptimeSeconds: 12_345,
  path: "nft",
  paths: {
    mode: "auto",
    byHand: ["instance second: kmod"],
    packetsPerSecond: 4012,
    softirqPercent: 3.2,
    kmod: { sessions: 1, flows: 3, room: 400_000, dropped: { held: 0 }, left: { mtu: 1 } },
    reason: "the load is low: 4012 packets/s, 3 % softirq; from 20000 packets/s or 25 % softirq on",
  },
  sessions: { unheard: 1, active: 2, stale: 1, unread: 0 },
  oneWay: { caller: 1, callee: 0, of: 2 },
  instances: [
    {
      name: "default",
      control: ["udp:127.0.0.1:8080", "unix:/run/lrkproxy/control.sock"],
      internal: "10.10.1.1",
      external: "198.51.100.7 (192.0.2.1)",
      ports: "20000-30000",
      portsInUse: 12,
      nextPort: 20016,
      calls: 3,
      room: 2500,
    },
    {
      name: "second",
      control: ["udp:[::1]:8082"],
      internal: "10.10.2.1",
      external: "10.10.2.1",
      ports: "30004-30999",
      portsInUse: 0,
      nextPort: 30004,
      calls: 0,
      room: 249,
    },
  ],
  control: { ping: 12, config: 0, open: 9, close: 5, refused: 1, garbage: 0, stranger: 0 },
  relay: {
    opened: 5,
    updated: 3,
    learned: 0,
    ended: { command: 1, silent: 0 },
    refused: { full: 1 },
  },
  sysctls: { "net.ipv4.conf.eth0.forwarding": "1" },
  warnings: ["No interface has the media address 10.10.2.1"],
  remedies: [remediesOf("No interface has the media address 10.10.2.1")],
  rssBytes: 73_400_320,
  drain: null,
};

/** What `status` and `show` say of a drain. */
export const DRAIN: DrainView = { seconds: 12, callsLeft: 3, stopsInSeconds: 588 };

/** What `reload` shows. */
export const RELOAD: ReloadView = {
  changes: ["[session] timeout: 60 -> 30", "instance second: removed (udp:[::1]:8082)"],
  notes: ['The 2 sessions of instance "second", which is gone, go on until they fall silent'],
  warnings: [
    "lines 4 and 5: [kernel] internal_ip and external_ip look swapped: internal_ip 192.0.2.1 is a public address, " +
    "external_ip 10.10.1.1 a private one; the other way round it is internal_ip : 10.10.1.1, external_ip : 192.0.2.1",
  ],
};

const INI = `
[kernel]
internal_ip = 10.10.1.1
external_ip = 198.51.100.7
external_local = 192.0.2.1
start_port = 20000
end_port = 29999
current_port = 20400
[UDP socket]
socket_udp_host = 0.0.0.0
allow = 127.0.0.0/8, 10.10.1.0/24
[UNIX socket]
listen = /run/lrkproxy/control.sock
forward_to = /run/other.sock
[metrics]
listen = [::1]:9477
[instance second]
internal_ip = 10.10.2.1
start_port = 30004
end_port = 30999
control_host = ::1
control_port = 8082
`;

/** What `check-config` explains. */
export function config(): Config {
  const loaded = loadConfigText(INI, "lrkproxy.ini");
  if (!loaded.ok) throw new Error(formatErrors(loaded.error));
  return loaded.value;
}

/** A doctor's report with a finding of each kind, and what --fix did and could not do. */
export const DOCTOR_REPORT: Report = {
  findings: [
    good("config.valid", "/etc/lrkproxy/lrkproxy.ini is valid"),
    skipped("daemon.files", "cannot read the daemon's limits: run it as root"),
    failure("firewall.forward", 'ufw\'s table ip filter, chain FORWARD drops media: policy "\x1b[2J"', {
      why: "an accept in lrkproxy's table does not override a drop in another",
      remedy: [
        "ufw route allow proto udp from 10.10.1.1 port 20000:30004 to any",
        "ufw route allow proto udp from 192.0.2.1 port 20000:30004 to any",
      ],
    }),
    warning("clock.sync", "nothing keeps the clock right", {
      why: "the log does not agree with Kamailio's",
      remedy: ["timedatectl set-ntp true"],
    }),
  ],
  fixes: [
    {
      what: "net.ipv4.conf.eth0.rp_filter: 1 -> 2",
      undo: "sysctl -w net/ipv4/conf/eth0/rp_filter=1",
      error: null,
    },
    {
      what: "/run/lrkproxy/admin.sock: mode 0660 -> 0600",
      undo: "chmod 0660 /run/lrkproxy/admin.sock",
      error: "Operation not permitted (os error 1)",
    },
  ],
};

/** The machine of {@link config}, whose second instance waits for an address. */
export const OWN_ADDRESSES = [
  { interface: "inside", address: "10.10.1.1" },
  { interface: "outside", address: "192.0.2.1" },
];
