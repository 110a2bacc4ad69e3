import type { LogOptions } from "../base/log.ts";
import type { Cidr } from "../base/cidr.ts";

/** A whole, checked configuration. */
export interface Config {
  /** At least one; the control endpoints and the (local address, port) ranges are disjoint. */
  readonly instances: readonly InstanceConfig[];
  /** Lines of the file that say the addresses, by instance; null for one that it does not say. */
  readonly addressLines: Readonly<Record<string, AddressLines>>;
  /** Networks that may send commands over UDP. */
  readonly controlAllow: readonly Cidr[];
  readonly receiveBufferBytes: number;
  /** Path of the socket that the command line talks to. */
  readonly adminSocket: string;
  readonly metrics: MetricsConfig;
  readonly session: SessionConfig;
  /** Media interfaces; "auto" stands for those that carry the local addresses. */
  readonly interfaces: readonly string[] | "auto";
  readonly maxSessions: number;
  readonly paths: PathsConfig;
  readonly log: LogOptions;
  /** Whether the end of each call is a line of its own at level info. */
  readonly logCalls: boolean;
  /** What the reader of the log should know about this file, a line each. */
  readonly notes: readonly string[];
}

/** Where a file says an instance's addresses. */
export interface AddressLines {
  /** Those of this machine. */
  readonly internal: number | null;
  readonly external: number | null;
  /** Those that SDP says. */
  readonly internalIp: number | null;
  readonly externalIp: number | null;
}

/**
 * One engine as Kamailio sees it: its control endpoints, and the addresses and ports of its media.
 */
export interface InstanceConfig {
  /** "default", or NAME of `[instance NAME]`. */
  readonly name: string;
  /** At least one of `udp` and `unix` is there. */
  readonly udp: UdpEndpoint | null;
  readonly unix: UnixEndpoint | null;
  /** Addresses that SDP says. */
  readonly internalIp: string;
  readonly externalIp: string;
  /** Addresses of this machine that carry them; they differ from the former behind static NAT. */
  readonly internalLocal: string;
  readonly externalLocal: string;
  readonly startPort: number;
  readonly endPort: number;
  readonly currentPort: number;
}

/** Where commands arrive over UDP; the host is an IPv4 or IPv6 address or a name. */
export interface UdpEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Where commands arrive over a stream socket in the file system, and the mode of its file. */
export interface UnixEndpoint {
  readonly path: string;
  readonly mode: number;
}

/** Where Prometheus and health checks are answered. */
export interface MetricsConfig {
  /** Null: nowhere. */
  readonly listen: UnixEndpoint | LoopbackEndpoint | null;
}

/** A TCP port that only this machine can reach. */
export interface LoopbackEndpoint {
  /** An address in 127.0.0.0/8, or ::1. */
  readonly host: string;
  readonly port: number;
}

/** Which way media take. */
export interface PathsConfig {
  readonly mode: "nft" | "kmod" | "auto";
  /** From when on `auto` uses the kernel module. */
  readonly thresholds: { readonly packetsPerSecond: number; readonly softirqPercent: number };
}

/** How calls are followed. */
export interface SessionConfig {
  readonly timeoutSeconds: number;
  readonly staleLimitSeconds: number;
  readonly unheardLimitSeconds: number;
  readonly learning: "once" | "never";
  readonly relearnConfirmSeconds: number;
  readonly liveWindowSeconds: number;
  /** Remote networks that no call may name. */
  readonly refuse: readonly Cidr[];
}
