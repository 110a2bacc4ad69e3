import { fileStamp, kernelClock, readProcFile } from "../../base/procfs.ts";
import { commandLine, processIds, processName, sharesNetwork } from "../../base/processes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Config } from "../../config/config.ts";
import { readConfig } from "../../config/load.ts";
import {
  type AdminRequest,
  type AdminResponse,
  askDaemon,
  type SessionView,
} from "../../control/admin.ts";
import { folderOf } from "../../base/folder.ts";
import { localNetwork } from "../../daemon/media.ts";
import { KmodFastPath } from "../../kmod/fast_path.ts";
import { isModuleInstalled } from "../../kmod/installed.ts";
import { tableText } from "../../nft/load.ts";
import type { DaemonFacts, Facts, FileFacts, FileText, ModuleFacts } from "../facts.ts";
import { callPaths, isControlPort, isRelaySocket } from "../media_paths.ts";
import { gatherFirewalls } from "./firewalls.ts";
import { gatherKamailio } from "./kamailio.ts";
import { gatherLinks, gatherRoutes, gatherSysctls, interfacesOf, withArrivals } from "./network.ts";
import { runProgram } from "./program.ts";
import { gatherCpu, gatherEngines, gatherSockets, gatherTracked } from "./traffic.ts";

/** What to look at. */
export interface GatherOptions {
  readonly config: string;
  readonly socket?: string;
  readonly kamailio: string;
}

const DEFAULT_SOCKET = "/run/lrkproxy/admin.sock";
/** Start-up files of nft, Debian's and Fedora's. */
const NFT_FILES = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];
/** More sessions than this are not asked for: their routes are much the same. */
const FEW_SESSIONS = 1000;

/** Look at everything that the checks want to know. Nothing is changed. */
export async function gatherFacts(options: GatherOptions): Promise<Facts> {
  const config = await loadConfig(options.config);
  const known = config.ok ? config.value : null;
  const { addresses: own, numbered } = localNetwork();
  const addresses = await withArrivals(own);
  const adminSocket = options.socket ?? known?.adminSocket ?? DEFAULT_SOCKET;
  const daemon = await gatherDaemon(adminSocket, options.config);
  const interfaces = known ? interfacesOf(known, addresses, daemon) : [];
  const sessions = await fewSessions(daemon);
  const [cpu, firewalls, kamailio, nftVersion, tableCheck, routes, nftFiles] = await Promise.all([
    gatherCpu(),
    gatherFirewalls(),
    gatherKamailio(options.kamailio, known),
    readNftVersion(),
    daemon.status.ok ? null : checkTable(),
    known ? gatherRoutes(known, addresses, sessions) : [],
    readTexts(NFT_FILES),
  ]);
  return {
    configPath: options.config,
    configChangedMs: fileStamp(options.config)?.modifiedMs ?? null,
    config,
    user: whoLooks(),
    daemon,
    kernelRelease: readProcFile("/proc/sys/kernel/osrelease")?.trim() ?? null,
    module: gatherModule(),
    nftVersion,
    tableCheck,
    nftFiles,
    sysctls: gatherSysctls(interfaces),
    addresses,
    numbered,
    links: gatherLinks(interfaces),
    routes,
    calls: known ? callPaths(known, sessions, { addresses, routes }) : [],
    ...firewalls,
    sockets: gatherSockets((address, port) =>
      known !== null && (isRelaySocket(known, address, port) || isControlPort(known, port))
    ),
    engines: gatherEngines(),
    tracked: gatherTracked(),
    kamailio,
    cpu,
    clock: { kernel: kernelClock(), nowMs: Date.now() },
    files: await gatherFiles(options.config, known, daemon.adminSocket),
  };
}

async function loadConfig(path: string): Promise<Result<Config>> {
  const config = await readConfig(path);
  if (config.ok) return config;
  const lines = config.error.map(({ file, line, message }) =>
    line === null ? message : `${file}:${line}: ${message}`
  );
  return err(lines.join("; "));
}

const CAP_NET_ADMIN = 12n;

function whoLooks(): Facts["user"] {
  const status = readProcFile("/proc/self/status") ?? "";
  const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? -1);
  const capabilities = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return { uid, mayAdministerNetwork: (capabilities >> CAP_NET_ADMIN & 1n) === 1n };
}

function gatherModule(): ModuleFacts {
  const state = new KmodFastPath().state();
  return {
    isLoaded: readProcFile("/sys/module/lrkproxy/version") !== null,
    isInstalled: isModuleInstalled() === true,
    obstacle: typeof state === "string" ? state : null,
  };
}

/** What a daemon in this network was started with, by its command line. */
function configOfProcess(): string | null {
  const found = processIds().filter((pid) => processName(pid) === "lrkproxy")
    .filter((pid) => sharesNetwork(pid) === true).flatMap((pid) => {
      const words = commandLine(pid);
      // The runtime has a word "run" of its own, with other options behind it.
      const at = words.findIndex((word, i) => word === "run" && words[i + 1] === "--config");
      return words[at + 2] !== undefined && at >= 0 ? [words[at + 2] ?? ""] : [];
    });
  return found[0] ?? null;
}

async function gatherDaemon(adminSocket: string, config: string): Promise<DaemonFacts> {
  const answer = await ask(adminSocket, { command: "status" });
  const status = answer.ok && "status" in answer.value
    ? ok(answer.value.status)
    : err(answer.ok ? "it answered something else" : answer.error);
  const limits = status.ok ? readProcFile(`/proc/${status.value.pid}/limits`) : null;
  const configPath = status.ok ? status.value.config ?? null : configOfProcess();
  const [theirs, ours] = [configPath ?? "", config].map((path) => fileStamp(path)?.identity);
  const limit = /^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1];
  return {
    adminSocket,
    status,
    ownsTable: (readProcFile("/proc/net/unix") ?? "").includes(
      "@lrkproxy-owner-of-table-ip-lrkproxy",
    ),
    configPath,
    hasSameConfig: theirs === undefined || ours === undefined ? null : theirs === ours,
    openFilesLimit: limit === undefined ? null : Number(limit),
  };
}

async function ask(path: string, request: AdminRequest): Promise<Result<AdminResponse>> {
  try {
    return ok(await askDaemon(path, request));
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

async function fewSessions({ status, adminSocket }: DaemonFacts): Promise<readonly SessionView[]> {
  if (!status.ok) return [];
  const { unheard, active, stale } = status.value.sessions;
  if (unheard + active + stale > FEW_SESSIONS) return [];
  const answer = await ask(adminSocket, { command: "sessions" });
  return answer.ok && "sessions" in answer.value ? answer.value.sessions : [];
}

async function readNftVersion(): Promise<Result<string>> {
  const said = await runProgram("nft", ["--version"]);
  if (!said.ok) return said;
  const version = /v?(\d+\.\d+\.\d+)/.exec(said.value.out)?.[1];
  return version ? ok(version) : err(`nft --version says "${said.value.out.trim()}"`);
}

/**
 * Everything that the relay's table consists of, under another name, in a dry run. The last chain
 * asks in words for the expressions that the daemon's own rules use.
 */
export function dryRunText(): string {
  const rewriting = `
	chain expressions {
		meta l4proto udp @th,64,2 2 ip saddr . ip daddr . udp dport @held notrack \\
			add @learned { ip saddr . ip daddr . udp dport : udp sport } \\
			ip saddr set 127.0.0.1 udp sport set 1024 accept
	}
}`;
  return tableText(1).replace("table ip lrkproxy {", "table ip lrkproxy_doctor {")
    .replace(/\n\}\s*$/, rewriting);
}

async function checkTable(): Promise<Result<true>> {
  const said = await runProgram("nft", ["--check", "-f", "-"], dryRunText());
  return said.ok ? ok(true) : said;
}

async function readTexts(paths: readonly string[]): Promise<readonly FileText[]> {
  const texts = await Promise.all(paths.map(async (path) => {
    const text = await Deno.readTextFile(path).catch(() => null);
    return text === null ? [] : [{ path, text }];
  }));
  return texts.flat();
}

async function gatherFiles(
  configPath: string,
  config: Config | null,
  adminSocket: string,
): Promise<readonly FileFacts[]> {
  const control = (config?.instances ?? []).flatMap(({ unix }) => unix ? [unix.path] : []);
  const folders = new Set([configPath, adminSocket, ...control].map((path) => folderOf(path)));
  const wanted: readonly (readonly [string, FileFacts["kind"]])[] = [
    [configPath, "config"],
    [adminSocket, "admin socket"],
    ...control.map((path) => [path, "control socket"] as const),
    ...[...folders].map((path) => [path, "folder"] as const),
  ];
  return await Promise.all(wanted.map(async ([path, kind]) => {
    const info = await Deno.stat(path).catch(() => null);
    const mode = info?.mode ?? null;
    return { path, kind, mode: mode === null ? null : mode & 0o7777, uid: info?.uid ?? 0 };
  }));
}
