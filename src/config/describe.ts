/** The schema as text: the sample file, and the help of `check-config`. */
import type { KeySpec, SectionSpec } from "./key_spec.ts";
import { INSTANCE_HEADER, SECTIONS } from "./schema.ts";

const WIDTH = 98;

const SAMPLE_HEAD =
  `# lrkproxy.ini: the settings of lrkproxy, and what they are when they are not set.
#
# Take away the ; in front of a key to set it. A line that starts with # or ; is a comment, and so
# is what follows a blank and a ; inside a line. A line indented deeper than its key continues it.
# "lrkproxy check-config" checks this file.
`;

/**
 * The sample file. Every key is in it, with its default behind a `;`; only internal_ip, which has
 * none, is set.
 */
export function sampleFile(): string {
  const sections = Object.entries<SectionSpec>(SECTIONS).map(([name, { help, keys }]) => {
    const header = name === INSTANCE_HEADER ? ";[instance second]" : `[${name}]`;
    const entries = Object.entries(keys).map(([key, spec]) => sampleKey(name, key, spec));
    return `${wrapped(help, "# ")}${header}\n${entries.join("")}`;
  });
  return [SAMPLE_HEAD, ...sections].join("\n");
}

function sampleKey(section: string, key: string, spec: KeySpec<unknown>): string {
  const mark = section === "kernel" && key === "internal_ip" ? "" : ";";
  const setting = `${mark}${key} = ${spec.example}`.trimEnd();
  return `\n${wrapped(spec.help, "# ")}${wrapped(`${limitsOf(spec)}.`, "# ")}${setting}\n`;
}

/** Every section and key with its default, its meaning and what it allows, for a terminal. */
export function keyHelp(): string {
  const sections = Object.entries<SectionSpec>(SECTIONS).map(([name, { help, keys }]) => {
    const entries = Object.entries(keys).map(([key, spec]) => {
      const since = `${limitsOf(spec)}. Since ${spec.since}.`;
      return `  ${key}\n${wrapped(spec.help, "      ")}${wrapped(since, "      ")}`;
    });
    return `[${name}]\n${wrapped(help, "  ")}\n${entries.join("")}`;
  });
  return sections.join("\n");
}

function limitsOf({ kind, fallback, otherwise }: KeySpec<unknown>): string {
  return `Default: ${otherwise ?? (fallback || "nothing")}. Allowed: ${kind.allowed}`;
}

function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent.trimEnd();
  for (const word of text.split(" ")) {
    const longer = line.length <= indent.length ? indent + word : `${line} ${word}`;
    if (longer.length <= WIDTH) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = indent + word;
  }
  return [...lines, line].map((each) => `${each}\n`).join("");
}
