/** What a check says: `skip` where it could not look. */
export type Severity = "ok" | "warn" | "fail" | "skip";

/** The checks in the order in which they are reported. Scripts know them: never rename one. */
export const CHECKS = [
  ["config.valid", "the configuration can be read and used"],
  ["daemon.running", "the daemon runs, answers, and is of this version"],
  ["daemon.warnings", "what the daemon itself complains about"],
  ["daemon.files", "the daemon may open enough files"],
  ["kernel.nftables", "the kernel takes the relay's table: a dry run, nothing is changed"],
  ["kernel.module", "the kernel module is there, of this version, and the daemon may use it"],
  ["nft.version", "nft is 1.0.6 or newer"],
  ["nft.flush", "no start-up file flushes everybody's ruleset"],
  ["sysctl.forwarding", "packets are forwarded between the media interfaces"],
  ["sysctl.accept_local", "packets may carry one of this machine's own addresses as their source"],
  ["sysctl.rp_filter", "the reverse path filter lets rewritten packets pass"],
  ["sysctl.send_redirects", "no ICMP redirects answer packets that leave as they came"],
  ["firewall.ingress", "no netdev chain drops media at an interface"],
  ["firewall.prerouting", "no other prerouting chain drops media"],
  ["firewall.forward", "no FORWARD chain drops relayed media (firewalld, ufw, Docker, others)"],
  ["firewall.postrouting", "no postrouting chain drops relayed media"],
  ["media.address", "each media address is on an interface that is up"],
  ["media.sides", "internal_ip and external_ip are not swapped"],
  ["media.route", "the kernel finds a way for relayed packets"],
  ["ports.reserved", "the relay's ports are not handed out to programs"],
  ["ports.taken", "no program, no second engine, has sockets on the relay's ports"],
  ["ports.capacity", "the port ranges are as large as the calls that are wanted"],
  ["conntrack.media", "media are not tracked"],
  ["conntrack.room", "the table of tracked connections is not full"],
  ["control.exposed", "only who may can send commands"],
  ["control.buffer", "no command is lost for lack of a receive buffer"],
  ["kamailio.socket", "kamailio.cfg points to this daemon's control sockets"],
  ["kamailio.guard", "kamailio.cfg keeps from the module what would crash it"],
  ["kamailio.stale_limit", "with Kamailio 5.6, silence ends calls soon enough"],
  ["cpu.softirq", "one CPU does not carry all packets"],
  ["clock.sync", "the clock is right"],
  ["files.mode", "configuration and sockets belong to whom they should"],
] as const satisfies readonly (readonly [id: string, title: string])[];

/** The name of a check. */
export type CheckId = (typeof CHECKS)[number][0];

/** One line of the report. */
export interface Finding {
  readonly id: CheckId;
  readonly severity: Severity;
  /** What was found. */
  readonly what: string;
  /** Why that matters; null where all is well. */
  readonly why: string | null;
  /** Exact commands, or lines to write into a file that is named; empty where all is well. */
  readonly remedy: readonly string[];
}

/** Why something matters, and what cures it. */
export interface Advice {
  readonly why: string;
  readonly remedy: readonly string[];
}

/** All is well. */
export function good(id: CheckId, what: string): Finding {
  return { id, severity: "ok", what, why: null, remedy: [] };
}

/** It works, or may work, but not for sure or not for long. */
export function warning(id: CheckId, what: string, { why, remedy }: Advice): Finding {
  return { id, severity: "warn", what, why, remedy };
}

/** Calls are lost, or silent, or anybody may redirect them. */
export function failure(id: CheckId, what: string, { why, remedy }: Advice): Finding {
  return { id, severity: "fail", what, why, remedy };
}

/** It could not be looked at, for this reason. */
export function skipped(id: CheckId, what: string): Finding {
  return { id, severity: "skip", what, why: null, remedy: [] };
}
