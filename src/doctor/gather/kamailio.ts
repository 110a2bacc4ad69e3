import { besideIn, folderOf } from "../../base/folder.ts";
import type { KamailioFacts } from "../facts.ts";
import { runProgram } from "./program.ts";

const DEEPEST = 8;

/** Look for a Kamailio on this machine. */
export async function gatherKamailio(path: string): Promise<KamailioFacts> {
  const said = await runProgram("kamailio", ["-v"]);
  const version = said.ok ? /kamailio (\d+\.\d+[^\s]*)/.exec(said.value.out)?.[1] ?? null : null;
  try {
    return { version, script: { path, text: await readScript(path, 0) }, unreadable: null };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { version, script: null, unreadable: null };
    const reason = error instanceof Error ? error.message : String(error);
    return { version, script: null, unreadable: `Cannot read ${path}: ${reason}` };
  }
}

const INCLUDE = /^[ \t]*(?:#!|!!)?(include_file|import_file)[ \t]+"([^"]+)".*$/gm;

/** A file and, in their places, those that it includes; import_file may name one that is not there. */
async function readScript(path: string, depth: number): Promise<string> {
  const text = await Deno.readTextFile(path);
  if (depth === DEEPEST) return text;
  const pieces: string[] = [];
  let end = 0;
  for (const match of text.matchAll(INCLUDE)) {
    const [line, , name = ""] = match;
    pieces.push(text.slice(end, match.index));
    pieces.push(await readIncluded(besideIn(folderOf(path), name), depth));
    end = match.index + line.length;
  }
  return [...pieces, text.slice(end)].join("");
}

async function readIncluded(path: string, depth: number): Promise<string> {
  try {
    return await readScript(path, depth + 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
