import { besideIn, folderOf } from "../../base/folder.ts";
import { errno } from "../../base/libc.ts";
import {
  commandLine,
  parentOf,
  pathInProcess,
  processIds,
  processName,
  sharesNetwork,
  startedMs,
} from "../../base/processes.ts";
import { fileStamp, readProcFile } from "../../base/procfs.ts";
import { err, ok } from "../../base/result.ts";
import type { Config } from "../../config/config.ts";
import type { KamailioFacts, KamailioProcess, KamailioScript } from "../facts.ts";
import { type CommandLine, parseCommandLine } from "../kamailio/command_line.ts";
import { type IncludedFile, preprocess, versionDefines } from "../kamailio/preprocess.ts";
import { parseScript, socketsOf } from "../kamailio/script.ts";
import { runProgram } from "./program.ts";

/** Where Kamailio looks for its configuration unless `-f` says otherwise. */
const COMPILED_IN = "/etc/kamailio/kamailio.cfg";
const ENOENT = 2;
/** A file written while Kamailio started may have been read as it is. */
const START_MS = 2000;

/** Look for Kamailio on this machine: what runs, what is installed, and the file at `path`. */
export async function gatherKamailio(path: string, config: Config | null): Promise<KamailioFacts> {
  const said = await runProgram("kamailio", ["-v"]);
  return {
    running: mainProcesses().map((pid) => gatherProcess(pid, config)),
    installed: said.ok ? versionIn(said.value.out) : null,
    file: readFile(path),
  };
}

function versionIn(text: string): string | null {
  return /kamailio (\d+\.\d+[^\s]*) \(/.exec(text)?.[1] ?? null;
}

/** A Kamailio is a process and its workers, which are called the same. */
function mainProcesses(): readonly number[] {
  const isKamailio = (pid: number | null): boolean =>
    pid !== null && processName(pid) === "kamailio";
  return processIds().filter((pid) =>
    isKamailio(pid) && commandLine(pid).length > 0 && !isKamailio(parentOf(pid))
  );
}

function gatherProcess(pid: number, config: Config | null): KamailioProcess {
  // The program itself is read, not run: the one that its path names now may be another.
  const version = versionIn(readProcFile(`/proc/${pid}/exe`) ?? "");
  const options = parseCommandLine(commandLine(pid).slice(1));
  const { script, writtenMs } = readScript(options.file ?? COMPILED_IN, {
    ...options,
    version,
    pid,
    environment: environmentOf(pid),
  });
  const started = startedMs(pid);
  return {
    pid,
    version,
    startedMs: started,
    defines: Object.fromEntries(options.defines),
    script,
    isOutdated: writtenMs > (started ?? Infinity) + START_MS,
    sharesNetwork: sharesNetwork(pid),
    unixSockets: unixSockets(pid, script, config),
  };
}

function environmentOf(pid: number): ReadonlyMap<string, string> | null {
  const text = readProcFile(`/proc/${pid}/environ`);
  if (text === null) return null;
  return new Map(
    text.split("\0").map((each) => {
      const equals = each.indexOf("=");
      return [each.slice(0, equals), each.slice(equals + 1)];
    }),
  );
}

function readFile(path: string): KamailioFacts["file"] {
  const bare = { ...parseCommandLine([]), version: null, pid: null, environment: null };
  const { script, isThere } = readScript(path, bare);
  return isThere ? { ...script, isAsked: path !== COMPILED_IN } : null;
}

/** What a script is read with. */
interface Reading extends CommandLine {
  readonly version: string | null;
  /** Whose files they are; null for ours. */
  readonly pid: number | null;
  readonly environment: ReadonlyMap<string, string> | null;
}

interface ReadScript {
  readonly script: KamailioScript;
  readonly isThere: boolean;
  /** When the youngest of its files was written. */
  readonly writtenMs: number;
}

function readScript(path: string, reading: Reading): ReadScript {
  const { pid, sockets, version, defines, substitutions, environment } = reading;
  let writtenMs = 0;
  const unreadable: string[] = [];
  const read = (file: string): IncludedFile | null => {
    const here = pid === null ? file : pathInProcess(pid, file);
    const text = readProcFile(here);
    if (text === null) {
      if (errno() !== ENOENT) unreadable.push(file);
      return null;
    }
    writtenMs = Math.max(writtenMs, fileStamp(here)?.modifiedMs ?? 0);
    return { path: file, text };
  };
  const main = read(path);
  if (main === null) {
    const isThere = unreadable.length > 0;
    const view = err(`Cannot read ${path}${isThere ? ": run it as root" : ", which is not there"}`);
    return { script: { path, view }, isThere, writtenMs };
  }
  // Kamailio looks in the folder that it runs in first, and then beside the file.
  const include = (name: string, from: string): IncludedFile | null =>
    (pid === null || name.startsWith("/") ? null : read(name)) ??
      read(besideIn(folderOf(from), name));
  const text = preprocess(main.text, path, {
    defines: new Map([...versionDefines(version), ...defines]),
    substitutions,
    environment,
    include,
  });
  if (unreadable.length > 0) {
    // The guards, and all that has to do with the module, may be there.
    const view = err(`Cannot read ${unreadable[0]}, which ${path} includes: run it as root`);
    return { script: { path, view }, isThere: true, writtenMs };
  }
  const view = parseScript(text);
  const all = [...view.sockets, ...sockets.flatMap(socketsOf)];
  return { script: { path, view: ok({ ...view, sockets: all }) }, isThere: true, writtenMs };
}

/** A socket of the daemon may have another path for a Kamailio in a container or chroot. */
function unixSockets(
  pid: number,
  { view }: KamailioScript,
  config: Config | null,
): Readonly<Record<string, string>> {
  const own = (config?.instances ?? []).flatMap(({ unix }) => unix ? [unix.path] : []);
  const named = (view.ok ? view.value.sockets : []).filter((each) => each.startsWith("unix:"));
  return Object.fromEntries(named.flatMap((socket) => {
    const path = socket.slice("unix:".length);
    const stamp = fileStamp(pathInProcess(pid, path))?.identity;
    const same = own.find((each) => stamp !== undefined && fileStamp(each)?.identity === stamp);
    return same === undefined ? [] : [[path, same]];
  }));
}
