import { listFolder, readLink, readProcFile } from "./procfs.ts";

/** The ids of all processes that are to be seen here. */
export function processIds(): readonly number[] {
  return (listFolder("/proc") ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The name of a process, as the kernel has it: 15 characters of its program's. */
export function processName(pid: number): string | null {
  return readProcFile(`/proc/${pid}/comm`)?.trim() ?? null;
}

/** The words of a process's command line; empty for one that is gone. */
export function commandLine(pid: number): readonly string[] {
  const words = readProcFile(`/proc/${pid}/cmdline`) ?? "";
  return words === "" ? [] : words.replace(/\0$/, "").split("\0");
}

/** The process that a process belongs to. */
export function parentOf(pid: number): number | null {
  const parent = /^PPid:\s+(\d+)/m.exec(readProcFile(`/proc/${pid}/status`) ?? "")?.[1];
  return parent === undefined ? null : Number(parent);
}

/** USER_HZ, in which /proc counts time on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** When a process began, in milliseconds since 1970; null for one that is gone. */
export function startedMs(pid: number): number | null {
  const stat = readProcFile(`/proc/${pid}/stat`);
  const uptime = Number.parseFloat(readProcFile("/proc/uptime") ?? "");
  if (stat === null || Number.isNaN(uptime)) return null;
  // The name of the program, in parentheses, may hold anything; the start is field 22.
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return Date.now() - (uptime - ticks / TICKS_PER_SECOND) * 1000;
}

/** Whether a process has the network of whoever asks; null if that cannot be seen. */
export function sharesNetwork(pid: number): boolean | null {
  const other = readLink(`/proc/${pid}/ns/net`);
  return other === null ? null : other === readLink("/proc/self/ns/net");
}

const MOST_LINKS = 40;

/**
 * Where a file that a process knows as `path` is for whoever asks. Links are followed here: the
 * kernel would take an absolute one in a container for a path of its own root.
 */
export function pathInProcess(pid: number, path: string): string {
  const root = `/proc/${pid}/root`;
  // A name alone is in the process's folder, which the kernel finds by itself.
  if (!path.startsWith("/")) return `/proc/${pid}/cwd/${path}`;
  const todo = path.split("/");
  const done: string[] = [];
  for (let links = 0; todo.length > 0;) {
    const name = todo.shift() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      done.pop();
      continue;
    }
    const target = links < MOST_LINKS ? readLink([root, ...done, name].join("/")) : null;
    if (target === null) {
      done.push(name);
      continue;
    }
    links++;
    if (target.startsWith("/")) done.length = 0;
    todo.unshift(...target.split("/"));
  }
  return [root, ...done].join("/");
}
