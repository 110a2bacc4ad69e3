import type { Result } from "../base/result.ts";
import type { KernelClock } from "../base/procfs.ts";
import type { Config } from "../config/config.ts";
import type { StatusView } from "../control/admin.ts";
import type { LocalAddress } from "../daemon/media.ts";
import type { Table } from "./firewall/model.ts";
import type { MediaPath } from "./media_paths.ts";
import type { ScriptView } from "./kamailio/script.ts";

/** All that the checks know of the machine, as plain data; what could not be looked at says why. */
export interface Facts {
  readonly configPath: string;
  /** When the file was last written; null if that cannot be seen. */
  readonly configChangedMs: number | null;
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
  /** The names of the interfaces that have an IPv4 address. */
  readonly numbered: readonly string[];
  readonly links: readonly LinkFacts[];
  readonly routes: readonly RouteProbe[];
  /** Both directions of live calls. */
  readonly calls: readonly MediaPath[];
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
  /** The file that it was started with, and whether that is the one of this report; null if not known. */
  readonly configPath: string | null;
  readonly hasSameConfig: boolean | null;
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
  /** Whether it was set up (`ip link set up`); it may lack a carrier all the same. */
  readonly isEnabled: boolean;
  /** RPS masks of its receive queues, as they are written; empty where there are none. */
  readonly rpsMasks: readonly string[];
}

/** What the kernel would do with a relayed packet. */
export interface RouteProbe {
  /** The relay's address that the packet carries, and where it goes. */
  readonly from: string;
  readonly to: string;
  /** The interface that it came in by; null if that is not known, and it is asked for as one of this machine's own. */
  readonly iif: string | null;
  /** What `to` stands for: a party of a live call, a neighbour, or anybody on the internet. */
  readonly target: "party" | "neighbour" | "anybody";
  /** Of a party: whether RTP of it has come, and when its call was opened. */
  readonly isHeard?: boolean;
  readonly openedMs?: number;
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

/** What there is of Kamailio on this machine. */
export interface KamailioFacts {
  /** Those that run. */
  readonly running: readonly KamailioProcess[];
  /** The version of the program in PATH, `5.6.3`; null if there is none, or it cannot be run. */
  readonly installed: string | null;
  /** The file that --kamailio names, and whether that is more than the default; null if there is none. */
  readonly file: KamailioScript & { readonly isAsked: boolean } | null;
}

/** A kamailio.cfg with all files that it includes. */
export interface KamailioScript {
  readonly path: string;
  /** What it says, or why it cannot be read. */
  readonly view: Result<ScriptView>;
}

/** A Kamailio that runs: its main process. */
export interface KamailioProcess {
  readonly pid: number;
  /** `6.0.1`, by the program that runs; null if that cannot be read. */
  readonly version: string | null;
  /** What its command line defines: `-A NAME=VALUE`. */
  readonly defines: Readonly<Record<string, string>>;
  /** Its own configuration, as its command line has it. */
  readonly script: KamailioScript;
  /** When it was started, in milliseconds since 1970; null if that cannot be read. */
  readonly startedMs: number | null;
  /** Whether a file of its configuration was changed after it had started. */
  readonly isOutdated: boolean;
  /** Whether it is in the network that the doctor looks at; null if that cannot be seen. */
  readonly sharesNetwork: boolean | null;
  /** UNIX sockets of its configuration that are this daemon's, by its path and the daemon's. */
  readonly unixSockets: Readonly<Record<string, string>>;
}

/** Packets that each CPU has taken over a while. */
export interface CpuFacts {
  readonly seconds: number;
  readonly packets: readonly number[];
  /** Those that the interfaces of this network namespace have received; the CPUs' are of all namespaces. */
  readonly received: number;
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
