/**
 * INI text as Python's `configparser` reads it: the legacy configuration files were written for
 * that reader. Two things differ from its bare defaults. `%` means nothing (no interpolation), and
 * a `;` after a blank starts a comment inside a line too (`inline_comment_prefixes=(";",)`). No
 * legacy key takes a value with " ;" in it, so no file that worked reads differently.
 */
import { err, ok, type Result } from "../base/result.ts";

/** A value and the line of its key. */
export interface IniEntry {
  readonly value: string;
  readonly line: number;
}

/** What stands under one `[header]`, keys in lower case; `line` is that of the header. */
export interface IniSection {
  readonly line: number;
  readonly entries: ReadonlyMap<string, IniEntry>;
}

/** A whole file. `defaults` are the keys of `[DEFAULT]`, which every other section inherits. */
export interface IniDocument {
  readonly sections: ReadonlyMap<string, IniSection>;
  readonly defaults: ReadonlyMap<string, IniEntry>;
}

/** Why a line cannot be read. */
export interface IniError {
  readonly line: number;
  readonly message: string;
}

/** What is wrong with a file, and what could be read of it all the same. */
export interface IniFailure {
  readonly errors: readonly IniError[];
  readonly rest: IniDocument;
}

interface OpenEntry {
  readonly lines: string[];
  readonly line: number;
}

interface OpenSection {
  readonly name: string;
  readonly line: number;
  readonly entries: Map<string, OpenEntry>;
}

interface Reader {
  readonly sections: Map<string, OpenSection>;
  readonly defaults: OpenSection;
  readonly errors: IniError[];
  /** Null before the first header. */
  section: OpenSection | null;
  /** The entry that a deeper indented line continues. */
  entry: OpenEntry | null;
  /** Indentation of the last header or key. */
  indent: number;
}

// What Python's str.isspace() holds; JavaScript's \s lacks U+001C..1F and U+0085 and has U+FEFF.
const SPACES =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006" +
  "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";
const NOT_SPACE = new RegExp(`[^${SPACES}]`);
const INLINE_COMMENT = new RegExp(`[${SPACES}];`);

/** Read INI text. Every line that cannot be read is reported, not only the first. */
export function parseIni(text: string): Result<IniDocument, IniFailure> {
  const reader: Reader = {
    sections: new Map(),
    defaults: { name: "DEFAULT", line: 0, entries: new Map() },
    errors: [],
    section: null,
    entry: null,
    indent: 0,
  };
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
  lines.forEach((line, index) => readLine(reader, line, index + 1));
  const { errors } = reader;
  return errors.length === 0 ? ok(closed(reader)) : err({ errors, rest: closed(reader) });
}

/** The keys a section has: its own, and those of `[DEFAULT]` that it does not set itself. */
export function entriesOf(document: IniDocument, section: IniSection): Map<string, IniEntry> {
  return new Map([...document.defaults, ...section.entries]);
}

function readLine(reader: Reader, line: string, number: number): void {
  const comment = commentStart(line);
  const text = strip(comment < 0 ? line : line.slice(0, comment));
  if (text === "") {
    // A blank line may lie inside a value; a comment line there leaves no trace.
    if (comment < 0) reader.entry?.lines.push("");
    return;
  }
  const indent = line.search(NOT_SPACE);
  if (reader.entry !== null && indent > reader.indent) {
    reader.entry.lines.push(text);
    return;
  }
  reader.indent = indent;
  const header = /^\[(.+)\]/s.exec(text)?.[1];
  if (header !== undefined) openSection(reader, header, number);
  else openEntry(reader, text, number);
}

function commentStart(line: string): number {
  const first = line.search(NOT_SPACE);
  if (line[first] === "#" || line[first] === ";") return 0;
  return line.search(INLINE_COMMENT);
}

function openSection(reader: Reader, name: string, line: number): void {
  reader.entry = null;
  if (name === "DEFAULT") {
    reader.section = reader.defaults;
    return;
  }
  reader.section = { name, line, entries: new Map() };
  const first = reader.sections.get(name);
  if (first === undefined) reader.sections.set(name, reader.section);
  else fail(reader, line, `section [${name}] is there already, in line ${first.line}`);
}

function openEntry(reader: Reader, text: string, line: number): void {
  // Refused entries are kept as well, out of the section, so that their continuation lines go
  // there.
  reader.entry = { lines: [], line };
  if (reader.section === null) {
    if (reader.errors.length === 0) fail(reader, line, `no [section] header before "${text}"`);
    return;
  }
  const delimiter = text.search(/[=:]/);
  const key = strip(text.slice(0, Math.max(delimiter, 0))).toLowerCase();
  if (key === "") return fail(reader, line, `"${text}" is not of the form key = value`);
  reader.entry.lines.push(strip(text.slice(delimiter + 1)));
  const { name, entries } = reader.section;
  const first = entries.get(key);
  if (first === undefined) entries.set(key, reader.entry);
  else fail(reader, line, `[${name}] ${key} is set already, in line ${first.line}`);
}

function fail(reader: Reader, line: number, message: string): void {
  reader.errors.push({ line, message });
}

function closed(reader: Reader): IniDocument {
  const sections = new Map<string, IniSection>();
  for (const { name, line, entries } of reader.sections.values()) {
    sections.set(name, { line, entries: joined(entries) });
  }
  return { sections, defaults: joined(reader.defaults.entries) };
}

function joined(entries: ReadonlyMap<string, OpenEntry>): Map<string, IniEntry> {
  const result = new Map<string, IniEntry>();
  for (const [key, { lines, line }] of entries) {
    result.set(key, { value: stripEnd(lines.join("\n")), line });
  }
  return result;
}

function strip(text: string): string {
  const start = text.search(NOT_SPACE);
  return start < 0 ? "" : stripEnd(text.slice(start));
}

function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACES.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
