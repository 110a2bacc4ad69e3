import { readSmallFile, writeSmallFile } from "../base/libc.ts";
import text from "./kernel_defaults.txt" with { type: "text" };

/** Give the network namespace of this thread the settings that a kernel has which nobody has touched. */
export function setKernelDefaults(): void {
  for (const [path, value] of defaults()) {
    // Of some, writing what is there already changes others.
    if (isOther(readSmallFile(path), value)) writeSmallFile(path, value);
  }
}

function defaults(): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.flatMap((line) => {
    const [, pattern = "", value = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    const names = pattern.includes("*") ? ["all", "default", "lo"] : [""];
    return names.map((name) => [`/proc/sys/net/${pattern.replace("*", name)}`, value] as const);
  }));
}

/** Whether a setting is there and has another value. */
function isOther(found: string | null, value: string): boolean {
  return found !== null && found.trim().replace(/\s+/g, " ") !== value;
}
