import { commandLine, processIds, processName, sharesNetwork } from "../../base/processes.ts";
import { listFolder, readLink, readProcFile } from "../../base/procfs.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { CpuFacts, TrackedFlow, UdpSocket } from "../facts.ts";

/** Every UDP socket that may receive IPv4, with the program that has it if it is one of `ports`. */
export function gatherSockets(
  isOfInterest: (address: number, port: number) => boolean,
): Result<readonly UdpSocket[]> {
  const ipv4 = readProcFile("/proc/net/udp");
  if (ipv4 === null) return err("Cannot read /proc/net/udp");
  const all = [...parseSockets(ipv4), ...parseSockets(readProcFile("/proc/net/udp6") ?? "")];
  const wanted = all.filter(({ address, port }) => isOfInterest(address, port));
  const programs = wanted.length > 0 ? programsBySocket() : new Map<string, string>();
  return ok(
    all.map(({ inode, ...socket }) => ({ ...socket, program: programs.get(inode) ?? null })),
  );
}

/** The lines of /proc/net/udp and udp6; of the latter, only sockets on any address. */
export function parseSockets(
  text: string,
): readonly (Omit<UdpSocket, "program"> & { readonly inode: string })[] {
  return text.trim().split("\n").slice(1).flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const [hexAddress = "", hexPort = ""] = (words[1] ?? "").split(":");
    if (hexAddress.length === 32 && /[^0]/.test(hexAddress)) return [];
    // Written as the machine reads the bytes, which is little-endian here.
    const bytes = (hexAddress.length === 32 ? "00000000" : hexAddress).match(/../g) ?? [];
    const address = Number.parseInt(bytes.toReversed().join(""), 16);
    const port = Number.parseInt(hexPort, 16);
    return Number.isNaN(address + port)
      ? []
      : [{ address, port, inode: words[9] ?? "", drops: Number(words[12] ?? 0) }];
  });
}

function programsBySocket(): Map<string, string> {
  const found = new Map<string, string>();
  for (const pid of processIds()) {
    for (const fd of listFolder(`/proc/${pid}/fd`) ?? []) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      if (inode) found.set(inode, `${processName(pid)} (pid ${pid})`);
    }
  }
  return found;
}

const ENGINES = /^(rtpengine|rtpproxy|pylrkproxy|media-relay)(\.py)?$/;

/** Programs that relay media in this network, whatever they are doing: `rtpengine (pid 812)`. */
export function gatherEngines(): readonly string[] {
  return processIds().flatMap((pid) => {
    const names = commandLine(pid).slice(0, 2).map((word) => word.slice(word.lastIndexOf("/") + 1));
    const engine = names.find((name) => ENGINES.test(name));
    // One in a network of its own, as in a container, has ports of its own.
    return engine && sharesNetwork(pid) !== false ? [`${engine} (pid ${pid})`] : [];
  });
}

/** The tracked UDP connections. */
export function gatherTracked(): Result<readonly TrackedFlow[]> {
  const text = readProcFile("/proc/net/nf_conntrack");
  return text === null ? err("Cannot read /proc/net/nf_conntrack") : ok(parseTracked(text));
}

/** The UDP lines of /proc/net/nf_conntrack. */
export function parseTracked(text: string): readonly TrackedFlow[] {
  return text.split("\n").filter((line) => /^ipv4\s+\d+\s+udp\s/.test(line)).map((line) => {
    const all = (key: string): readonly string[] =>
      [...line.matchAll(new RegExp(`\\b${key}=(\\S+)`, "g"))].map(([, value = ""]) => value);
    return {
      sources: all("src"),
      destinations: all("dst"),
      ports: [...all("sport"), ...all("dport")].map(Number),
    };
  });
}

const SAMPLE_MS = 500;

/** Let the CPUs work for a while and see which of them take packets. */
export async function gatherCpu(): Promise<CpuFacts> {
  const before = parseSoftnet(readProcFile("/proc/net/softnet_stat") ?? "");
  const received = parseReceived(readProcFile("/proc/net/dev") ?? "");
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  const after = parseSoftnet(readProcFile("/proc/net/softnet_stat") ?? "");
  return {
    seconds: (performance.now() - start) / 1000,
    packets: after.map(({ packets }, i) => (packets - (before[i]?.packets ?? packets)) >>> 0),
    received: Math.max(0, parseReceived(readProcFile("/proc/net/dev") ?? "") - received),
    dropped: after.reduce((sum, { dropped }) => sum + dropped, 0),
  };
}

/** /proc/net/dev: the packets that all interfaces but the loopback have received. */
export function parseReceived(text: string): number {
  const counts = [...text.matchAll(/^ *(\S+): *\d+ +(\d+) /gm)];
  return counts.reduce((sum, [, name, packets]) => name === "lo" ? sum : sum + Number(packets), 0);
}

/** /proc/net/softnet_stat: a line each CPU; packets and drops are its first two numbers. */
export function parseSoftnet(
  text: string,
): readonly { readonly packets: number; readonly dropped: number }[] {
  return text.trim().split("\n").filter((line) => line !== "").map((line) => {
    const [packets = 0, dropped = 0] = line.split(/\s+/).map((word) => Number.parseInt(word, 16));
    return { packets, dropped };
  });
}
