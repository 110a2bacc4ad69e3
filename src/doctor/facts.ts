import type { Result } from "../base/result.ts";
import type { KernelClock } from "../base/procfs.ts";
import type { Config } from "../config/config.ts";
import type { StatusView } from "../control/admin.ts";
import type { LocalAddress } from "../daemon/media.ts";
import type { Table } from "./firewall/model.ts";

/** All that the checks know of the machine, as plain data; what could not be looked at says why. */
export interface Facts {
  readonly configPath: string;
  /** The configuration, or its errors, a line each. */
  readonly config: Result<Config>;
  /** Who looks. */
  readonly user: { readonly uid: number; readonly mayAdministerNetwork: boolean };
  readonly daemon: DaemonFacts;
  readonly kernelRelease: string | null;
  readonly module: ModuleFacts;
  readonly nftVersion: Result<string>;
  /** What nft and the kernel say to the relay's table; null where the daemon uses it already. */
  readonly tableCheck: Result<true> | null;
  /** Path and text of start-up files of nft. */
  readonly nftFiles: readonly FileText[];
  /** Keys below /proc/sys, such as `net/ipv4/ip_forward`; those that are not there are left out. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly addresses: readonly LocalAddress[];
  readonly links: readonly LinkFacts[];
  readonly routes: readonly RouteProbe[];
  /** Other people's tables. */
  readonly firewall: Result<readonly Table[]>;
  /** Legacy iptables, a world of its own in the kernel. */
  readonly legacyFirewall: Result<readonly Table[]>;
  readonly sockets: Result<readonly UdpSocket[]>;
  /** Names of the programs on this machine that relay media. */
  readonly engines: readonly string[];
  readonly tracked: Result<readonly TrackedFlow[]>;
  readonly kamailio: KamailioFacts;
  readonly cpu: CpuFacts;
  readonly clock: ClockFacts;
  readonly files: readonly FileFacts[];
}

/** A running daemon, or the lack of one. */
export interface DaemonFacts {
  readonly adminSocket: string;
  /** Its answer, or why there is none. */
  readonly status: Result<StatusView>;
  /** Whether some daemon owns the table of this network namespace. */
  readonly ownsTable: boolean;
  /** How many files it may open. */
  readonly openFilesLimit: number | null;
}

/** The kernel module, which nobody has to have. */
export interface ModuleFacts {
  /** Whether it is loaded, and whether a file of it lies among the running kernel's modules. */
  readonly isLoaded: boolean;
  readonly isInstalled: boolean;
  /** How it answers to whoever looks: null if it can be used, or why not. */
  readonly obstacle: string | null;
}

/** A text file. */
export interface FileText {
  readonly path: string;
  readonly text: string;
}

/** A network interface that has a media address. */
export interface LinkFacts {
  readonly name: string;
  /** `up`, `down`, `unknown` (what veth and tunnels may say), or empty if not told. */
  readonly state: string;
  /** RPS masks of its receive queues, as they are written; empty where there are none. */
  readonly rpsMasks: readonly string[];
}

/** What the kernel would do with a relayed packet. */
export interface RouteProbe {
  /** The relay's address that the packet carries, and where it goes. */
  readonly from: string;
  readonly to: string;
  /** The interface that it came in by. */
  readonly iif: string;
  /** What `to` stands for: a party of a live call, a neighbour, or anybody on the internet. */
  readonly target: "party" | "neighbour" | "anybody";
  /** The interface that it leaves by, or the kernel's refusal. */
  readonly way: Result<string>;
}

/** A UDP socket of any program. */
export interface UdpSocket {
  /** 0 for any address; IPv6 sockets are here only if they are bound to any address. */
  readonly address: number;
  readonly port: number;
  readonly program: string | null;
  /** Datagrams dropped for lack of room. */
  readonly drops: number;
}

/** A tracked UDP connection, both its directions. */
export interface TrackedFlow {
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
  readonly ports: readonly number[];
}

/** A Kamailio on this machine. */
export interface KamailioFacts {
  /** `5.6.3`; null if there is none, or it cannot be run. */
  readonly version: string | null;
  /** Its configuration and all files included, in one text; null if there is none. */
  readonly script: { readonly path: string; readonly text: string } | null;
  /** Why its configuration cannot be read, if it is there. */
  readonly unreadable: string | null;
}

/** Packets that each CPU has taken over a while. */
export interface CpuFacts {
  readonly seconds: number;
  readonly packets: readonly number[];
  /** Packets dropped since boot because a CPU's backlog was full. */
  readonly dropped: number;
}

/** The clock. */
export interface ClockFacts {
  readonly kernel: KernelClock | null;
  readonly nowMs: number;
}

/** A file that matters, as it is. */
export interface FileFacts {
  readonly path: string;
  readonly kind: "config" | "admin socket" | "control socket" | "folder";
  /** Permission bits; null if it is not there or cannot be looked at. */
  readonly mode: number | null;
  readonly uid: number;
}
