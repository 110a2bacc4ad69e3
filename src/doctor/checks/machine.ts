import { folderOf } from "../../base/folder.ts";
import type { Facts, FileFacts, LinkFacts } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";

/** Below this, one CPU carries all packets with ease. */
const BUSY_PACKETS_A_SECOND = 5000;
const LOPSIDED = 0.85;

/** Does one CPU carry all packets? */
export function checkSoftirq({ cpu, links }: Facts): Finding {
  const id = "cpu.softirq";
  const { packets, seconds, received, dropped } = cpu;
  if (packets.length === 0 || seconds === 0) {
    return skipped(id, "cannot read /proc/net/softnet_stat");
  }
  const total = packets.reduce((sum, each) => sum + each, 0);
  const busiest = Math.max(...packets);
  const rate = Math.round(total / seconds);
  const single = links.filter(hasOneCpu);
  // The kernel counts the packets of all namespaces together.
  const isHere = received / seconds >= BUSY_PACKETS_A_SECOND;
  const isLopsided = isHere && packets.length > 1 && rate >= BUSY_PACKETS_A_SECOND &&
    busiest / total > LOPSIDED;
  const mask = ((1n << BigInt(Math.min(32, packets.length))) - 1n).toString(16);
  const remedy = single.length > 0
    ? single.map(({ name }) => `echo ${mask} >/sys/class/net/${name}/queues/rx-0/rps_cpus`)
    : ["apt-get install irqbalance", "or set /proc/irq/*/smp_affinity of the network card by hand"];
  if (isLopsided) {
    const share = Math.round(busiest / total * 100);
    return warning(id, `CPU ${packets.indexOf(busiest)} takes ${share} % of ${rate} packets/s`, {
      why: "when that CPU is full, packets are lost while the others idle",
      remedy,
    });
  }
  if (dropped > 0) {
    return warning(id, `${dropped} packets were dropped since boot: a CPU's backlog was full`, {
      why: "that is lost audio",
      remedy: [...remedy, "sysctl -w net.core.netdev_max_backlog=10000"],
    });
  }
  const queues = single.length > 0 && packets.length > 1
    ? `; ${single.map(({ name }) => name).join(", ")}: one queue, no RPS, enough at this rate`
    : "";
  return good(id, `${rate} packets/s on ${packets.length} CPU(s)${queues}`);
}

/** One receive queue, and nothing that spreads its packets. */
function hasOneCpu({ rpsMasks }: LinkFacts): boolean {
  return rpsMasks.length === 1 && !/[1-9a-f]/.test(rpsMasks[0] ?? "");
}

/** Nobody ran this program before it was written. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);

/** Is the clock right? */
export function checkClock({ clock: { kernel, nowMs } }: Facts): Finding {
  const id = "clock.sync";
  const why = "ages of calls and the log do not agree with Kamailio's and the carrier's records";
  const remedy = ["apt-get install systemd-timesyncd", "timedatectl set-ntp true"];
  if (nowMs < EARLIEST_MS) {
    return failure(id, `the clock says ${new Date(nowMs).toISOString()}`, { why, remedy });
  }
  if (kernel === null) {
    return skipped(id, "the kernel does not tell whether its clock is synchronised");
  }
  if (kernel.synchronised) {
    return good(id, `synchronised, at most ${kernel.maxErrorSeconds.toFixed(3)} s off`);
  }
  return warning(id, "nothing keeps the clock right", { why, remedy });
}

const WORLD_WRITABLE = 0o002;
const WORLD_READABLE = 0o004;
const STICKY = 0o1000;

/** A file with the mode that it should have. */
export interface WrongMode {
  readonly file: FileFacts;
  readonly mode: number;
  readonly needed: number;
  readonly why: string;
  /** Whether somebody could do harm, rather than read. */
  readonly isHarmful: boolean;
}

/** The files that others could write, or connect to, who should not. */
export function wrongModes({ files, config }: Facts): readonly WrongMode[] {
  const socketMode = (path: string): number =>
    config.ok
      ? config.value.instances.find(({ unix }) => unix?.path === path)?.unix?.mode ?? 0o660
      : 0o660;
  return files.flatMap((file): readonly WrongMode[] => {
    const { mode, kind, path } = file;
    if (mode === null) return [];
    const wrong = (needed: number, why: string, isHarmful: boolean): readonly WrongMode[] =>
      mode === needed ? [] : [{ file, mode, needed, why, isHarmful }];
    switch (kind) {
      case "config": {
        const isHarmful = (mode & WORLD_WRITABLE) !== 0;
        const why = isHarmful
          ? "any user could have calls redirected at the next start"
          : "it tells every user of this machine who may send commands";
        return mode & (WORLD_WRITABLE | WORLD_READABLE) ? wrong(mode & 0o770, why, isHarmful) : [];
      }
      case "admin socket":
        // The daemon's group may use it, too.
        return mode & WORLD_WRITABLE
          ? wrong(mode & 0o770, "its commands can drop calls and stop the daemon", true)
          : [];
      case "control socket":
        return mode & WORLD_WRITABLE & ~socketMode(path)
          ? wrong(socketMode(path), "whoever can connect can redirect any call", true)
          : [];
      case "folder":
        return mode & WORLD_WRITABLE && !(mode & STICKY)
          ? wrong(
            mode & ~WORLD_WRITABLE,
            "any user could put files of his own in their place",
            true,
          )
          : [];
    }
  });
}

/** Do configuration and sockets belong to whom they should? */
export function checkFiles(facts: Facts): readonly Finding[] {
  const id = "files.mode";
  const wrong = wrongModes(facts);
  const findings = wrong.map(({ file, mode, needed, why, isHarmful }) =>
    (isHarmful ? failure : warning)(id, `${file.path} has mode ${octal(mode)}`, {
      why,
      remedy: [`chmod ${octal(needed)} ${file.path}`],
    })
  );
  findings.push(...foreignOwners(facts));
  if (findings.length > 0) return findings;
  const unseen = facts.files.filter(({ kind, mode }) => kind === "config" && mode === null);
  if (unseen.length > 0) return [skipped(id, `cannot look at ${unseen[0]?.path}`)];
  return [good(id, "only their owners and groups may use configuration and sockets")];
}

/** The folder of a socket must belong to root or to whom the socket belongs. */
function foreignOwners({ files }: Facts): readonly Finding[] {
  return files.filter(({ kind, mode }) => kind !== "folder" && mode !== null).flatMap((file) => {
    const folder = files.find(({ kind, path }) =>
      kind === "folder" && path === folderOf(file.path)
    );
    if (!folder || folder.mode === null || folder.uid === 0 || folder.uid === file.uid) return [];
    return [
      failure(
        "files.mode",
        `${folder.path} belongs to user ${folder.uid}, ${file.path} to ${file.uid}`,
        {
          why: "that user can put another file in its place",
          remedy: [`chown ${file.uid} ${folder.path}`],
        },
      ),
    ];
  });
}

/** Permission bits as chmod takes them: four digits. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
