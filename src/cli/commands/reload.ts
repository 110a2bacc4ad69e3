import type { ReloadView } from "../../control/admin.ts";
import { visible } from "../output.ts";

/** `lrkproxy reload` for people. */
export function reloadText({ changes, notes, warnings = [] }: ReloadView): string {
  const lines = [
    changes.length === 0 ? "Nothing in the configuration has changed." : "Reloaded.",
    ...changes,
    ...notes.map((note) => `note: ${note}`),
    ...warnings.map((each) => `warning: ${each}`),
  ];
  return lines.map((line) => `${visible(line)}\n`).join("");
}
