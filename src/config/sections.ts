/** From the text of a file to the values of its sections: each key by itself, not how they fit. */
import { entriesOf, type IniDocument, type IniEntry, type IniSection } from "./ini.ts";
import type { Keys, KeySpec, SectionSpec, Values } from "./key_spec.ts";
import type { Problem } from "./problem.ts";
import { INSTANCE_HEADER, SECTIONS, type ValuesOf } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

/** A section's values, and the lines to name when they do not fit those of another. */
export interface Given<V> {
  /** As it stands in the file: `instance east`. */
  readonly header: string;
  /** Null when the file has no such section. */
  readonly headerLine: number | null;
  readonly values: V;
  /** Line of a key; null when the file does not have it. */
  lineOf(key: keyof V): number | null;
}

/** All sections; null stands for one with a value that is refused. */
export interface FileValues {
  readonly kernel: Given<ValuesOf<"kernel">> | null;
  readonly udpSocket: Given<ValuesOf<"UDP socket">> | null;
  readonly unixSocket: Given<ValuesOf<"UNIX socket">> | null;
  readonly cache: Given<ValuesOf<"Cache">> | null;
  readonly admin: Given<ValuesOf<"admin">> | null;
  readonly metrics: Given<ValuesOf<"metrics">> | null;
  readonly session: Given<ValuesOf<"session">> | null;
  readonly logger: Given<ValuesOf<"logger">> | null;
  readonly instances: readonly (Given<ValuesOf<typeof INSTANCE_HEADER>> | null)[];
}

/** Check every section and key of a file; what is wrong is added to `problems`. */
export function readSections(document: IniDocument, problems: Problem[]): FileValues {
  refuseUnknown(document, problems);
  const read = <K extends Keys>(header: string, spec: SectionSpec<K>) =>
    readSection(document, { header, spec, problems });
  const instances = [...document.sections.keys()].filter(isInstance);
  return {
    kernel: read("kernel", SECTIONS.kernel),
    udpSocket: read("UDP socket", SECTIONS["UDP socket"]),
    unixSocket: read("UNIX socket", SECTIONS["UNIX socket"]),
    cache: read("Cache", SECTIONS.Cache),
    admin: read("admin", SECTIONS.admin),
    metrics: read("metrics", SECTIONS.metrics),
    session: read("session", SECTIONS.session),
    logger: read("logger", SECTIONS.logger),
    instances: instances.map((header) => read(header, SECTIONS[INSTANCE_HEADER])),
  };
}

function isInstance(header: string): boolean {
  return /^instance [A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(header);
}

function specOf(header: string): SectionSpec | undefined {
  if (isInstance(header)) return SECTIONS[INSTANCE_HEADER];
  const known = Object.entries(SECTIONS).find(([name]) => name === header);
  return header === INSTANCE_HEADER ? undefined : known?.[1];
}

function refuseUnknown(document: IniDocument, problems: Problem[]): void {
  for (const [header, section] of document.sections) {
    const spec = specOf(header);
    if (spec === undefined) {
      problems.push({ line: section.line, message: unknownSection(header) });
      continue;
    }
    for (const [name, { line }] of section.entries) {
      if (!Object.hasOwn(spec.keys, name)) {
        problems.push({ line, message: unknownKey(header, name, spec) });
      }
    }
  }
  const known = [...document.sections.keys()].flatMap((header) => keysOf(specOf(header)));
  for (const [name, { line }] of document.defaults) {
    if (known.includes(name)) continue;
    problems.push({ line, message: `[DEFAULT] ${name}: no section of this file has such a key` });
  }
}

function unknownSection(header: string): string {
  const names = Object.keys(SECTIONS);
  const hint = header.startsWith("instance")
    ? ": an instance is [instance NAME], with a name of up to 32 letters, digits, . _ or -"
    : didYouMean(header, names);
  return `unknown section [${header}]${hint}; sections: ${names.join(", ")}`;
}

function unknownKey(header: string, name: string, spec: SectionSpec): string {
  const home = Object.entries(SECTIONS).find(([, other]) => Object.hasOwn(other.keys, name));
  const hint = home === undefined
    ? didYouMean(name, keysOf(spec))
    : ` (it belongs in [${home[0]}])`;
  return `[${header}] ${name}: unknown key${hint}; keys of this section: ${
    keysOf(spec).join(", ")
  }`;
}

function keysOf(spec: SectionSpec | undefined): readonly string[] {
  return Object.keys(spec?.keys ?? {});
}

function readSection<K extends Keys>(
  document: IniDocument,
  { header, spec, problems }: {
    readonly header: string;
    readonly spec: SectionSpec<K>;
    readonly problems: Problem[];
  },
): Given<Values<K>> | null {
  const section = document.sections.get(header);
  const entries = section === undefined ? NO_ENTRIES : entriesOf(document, section);
  const before = problems.length;
  const values = Object.entries(spec.keys).map(([name, key]) => {
    const { value, problem } = readKey(key, entries.get(name));
    if (problem !== null) {
      problems.push({ line: problem.line, message: `[${header}] ${name}: ${problem.message}` });
    }
    return [name, value] as const;
  });
  if (problems.length > before) return null;
  return {
    header,
    headerLine: section?.line ?? null,
    // Each value has come out of its own key's kind: that is what Values<K> says.
    values: Object.fromEntries(values) as Values<K>,
    lineOf: (name) => entries.get(String(name))?.line ?? null,
  };
}

const NO_ENTRIES: IniSection["entries"] = new Map();

interface ReadKey {
  readonly value: unknown;
  readonly problem: Problem | null;
}

function readKey(key: KeySpec<unknown>, entry: IniEntry | undefined): ReadKey {
  const text = entry === undefined ? key.fallback : unquoted(entry.value);
  if (text === null) return { value: null, problem: null };
  const result = key.kind.parse(text);
  if (result.ok) return { value: result.value, problem: null };
  const message = `${JSON.stringify(text)} ${result.error}${hintFor(text)}; ` +
    `allowed: ${key.kind.allowed}`;
  return { value: null, problem: { line: entry?.line ?? null, message } };
}

function hintFor(text: string): string {
  if (text.includes("\n")) return " (a line indented deeper than its key continues it)";
  return /\s#/.test(text) ? " (inside a line, only ; starts a comment)" : "";
}

// configparser leaves quotes in; the documented legacy file has `external_ip = "192.168.10.226"`.
function unquoted(value: string): string {
  return /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value;
}
