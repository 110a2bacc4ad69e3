import type { Session } from "../core/session.ts";
import { formatIpv4 } from "../base/ipv4.ts";
import type { RefusalReason } from "../core/call.ts";
import { missingAddressRemedy } from "../config/address_warnings.ts";
import { filterOfAllRemedy } from "../nft/sysctls.ts";
import type { OneWayCounts } from "./census.ts";
import type { RecentRefusals } from "./journal.ts";

/** Fewer one-way calls than these, or a smaller share of all, have reasons of their own: announcements, faxes. */
const FEW_ONE_WAY = 3;
const SHARE_ONE_WAY = 0.25;

/** That many calls are one-way, if they are. */
export function oneWayWarning({ caller, callee, of }: OneWayCounts): readonly string[] {
  const all = caller + callee;
  if (all < FEW_ONE_WAY || all < of * SHARE_ONE_WAY) return [];
  const whose = callee === 0
    ? "the caller only"
    : caller === 0
    ? "the callee only"
    : `one party only (of the caller ${caller}, of the callee ${callee})`;
  return [
    `${all} of ${of} calls have RTP of ${whose}: usually a firewall or a wrong address in SDP is in ` +
    "the way of the other party, or of what it is sent",
  ];
}

/** That the kernel's table is too small, if it is. */
export function roomWarning(room: number, maxSessions: number): readonly string[] {
  if (room >= maxSessions) return [];
  return [
    `The kernel's table has room for ${room} sessions, [kernel] max_sessions is ${maxSessions}`,
  ];
}

/** Calls that were refused for reasons which somebody here can cure; they go out all the same, without media. */
export function refusalWarnings(
  refusals: ReadonlyMap<RefusalReason, RecentRefusals>,
): readonly string[] {
  return (["not-our-address", "collision", "full"] as const).flatMap((reason) => {
    const found = refusals.get(reason);
    if (!found) return [];
    const calls = `${found.calls} call${found.calls === 1 ? " was" : "s were"} refused of late`;
    return [`${calls}, and got no media (${reason}): ${found.message}`];
  });
}

/** That somebody's commands are dropped, while nobody else sends any. */
export function strangerWarning(address: string): string {
  return `Commands from ${address} are dropped, since it is not in [UDP socket] allow, and no others come`;
}

const REMEDIES: readonly (readonly [RegExp, (found: readonly string[]) => readonly string[]])[] = [
  [
    /calls have RTP of/,
    () => [
      'lrkproxy sessions   # heard from "-": that party is not heard',
      "sudo lrkproxy show CALL-ID   # why, for one of them",
    ],
  ],
  [/refused of late.*\(not-our-address\)/, () => [
    "restart Kamailio, if lrkproxy.ini has been changed: it asks for the addresses only when it starts",
  ]],
  [/refused of late.*\(collision\)/, () => [
    "give each Kamailio an [instance] of its own, with other ports, if there are several: each counts for itself",
    "else put the lock of lrkproxy.cfg (beside our kamailio.cfg) around offers, or take a wider range of ports",
  ]],
  [/refused of late.*\(full\)/, () => [
    "[kernel] max_sessions in lrkproxy.ini, then lrkproxy reload",
    "lrkproxy sessions   # are there some that never end? Kamailio 5.6 needs [session] stale_limit : 60",
  ]],
  [/^Commands from (\S+) are dropped/, ([, address]) => [
    `if that is your Kamailio: add ${address} to [UDP socket] allow in lrkproxy.ini, then lrkproxy reload`,
    "or let Kamailio and lrkproxy talk by 127.0.0.1: lrkproxy_sock in kamailio.cfg",
  ]],
  [/room for \d+ sessions/, () => [
    "lrkproxy stop --drop   # when the calls are done",
    "systemctl start lrkproxy",
  ]],
  [
    /^No interface has the media address (\S+)/,
    ([, address = ""]) => missingAddressRemedy(address),
  ],
  [/^Kamailio .*still gives out .* before a reload; (.*)$/, ([, doubts = ""]) => [
    `correct that first: ${doubts}; then lrkproxy reload`,
    "restart Kamailio only after that: it would give out what the file says now",
  ]],
  [/^Kamailio .*still gives out .* as external address,/, () => [
    "sudo lrkproxy doctor   # media.sides: which way round is right",
    "restart Kamailio, if the file is: it asks for the addresses only when it starts",
  ]],
  [/^Kamailio .*still gives out/, () => [
    "restart Kamailio   # it asks for the addresses only when it starts",
  ]],
  [
    /^net\.ipv4\.conf\.all\.rp_filter is .* no IPv4 address on (.*), where/,
    ([, names = ""]) => filterOfAllRemedy(names),
  ],
  [/^net\.ipv4\.conf\.(\S+)\.(\w+) is .* has to be (\S+):/, ([, name, key, value]) => [
    `sysctl -w net/ipv4/conf/${name}/${key}=${value}`,
  ]],
  [/^Bridge (\S+) .*\((net\.bridge)?/, ([, name, isForAll]) => [
    `${
      isForAll
        ? "sysctl -w net.bridge.bridge-nf-call-iptables=0"
        : `ip link set ${name} type bridge nf_call_iptables 0`
    }   # rules of Docker or Kubernetes for bridged frames end with that`,
    "or give internal_ip and external_ip interfaces of their own",
  ]],
  [/net\.ipv4\.ip_local_reserved_ports/, () => ["sudo lrkproxy doctor --fix   # adds them"]],
];

/** Whether a warning is about calls to come, and keeps no media of those that are up from arriving. */
export function isOfCallsToCome(warning: string): boolean {
  return /^Kamailio .*still gives out/.test(warning);
}

/** What cures a warning, or shows more of it: commands, or lines that say what to do. */
export function remediesOf(warning: string): readonly string[] {
  for (const [pattern, remedies] of REMEDIES) {
    const found = pattern.exec(warning);
    if (found) return remedies(found);
  }
  return ["journalctl -u lrkproxy -p warning"];
}

/** Those of the machine's warnings that a session may suffer from. */
export function warningsOf(
  { instance, a, b }: Session,
  warnings: readonly string[],
): readonly string[] {
  const own = [a, b].map(({ local }) => formatIpv4(local.address));
  return warnings.filter((warning) => {
    const [, name = instance] = /instance "([^"]*)"/.exec(warning) ?? [];
    if (name !== instance) return false;
    const named = warning.match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? [];
    return named.length === 0 || named.some((address) => own.includes(address));
  });
}
