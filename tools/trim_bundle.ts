/**
 * Takes Node's modules out of the bundled program: `deno run tools/trim_bundle.ts FILE`.
 *
 * Commander and LogTape are written for Node, too, and import modules of which the program uses next
 * to nothing. Loading them takes a third of the start of `lrkproxy status`. What is used is said here
 * in a few lines; an import that is not known is an error, so that an upgrade cannot bring one in
 * unseen.
 */

/** What stands in for a module: an expression. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  // Only for commands that are programs of their own: lrkproxy has none.
  "child_process": "{}",
  fs: "{}",
  path: "{}",
  // How wide help is. The texts have no colours, so no switch for them is asked.
  process: `{ argv: [], execArgv: [], versions: {}, env: {},
    stdout: { get isTTY() { return Deno.stdout.isTerminal(); }, get columns() { return Deno.consoleSize().columns; } },
    stderr: { get isTTY() { return Deno.stderr.isTerminal(); }, get columns() { return Deno.consoleSize().columns; } } }`,
  util: `{ inspect: Deno.inspect, stripVTControlCharacters: (text) => text }`,
  events: `{ EventEmitter: class {
    #listeners = new Map();
    listenerCount(name) { return (this.#listeners.get(name) ?? []).length; }
    on(name, listener) { this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]); return this; }
    emit(name, ...values) {
      for (const listener of this.#listeners.get(name) ?? []) listener.apply(this, values);
      return this.listenerCount(name) > 0;
    } } }`,
};

const IMPORT = /^import (?<names>.+) from "node:(?<name>\w+)";$/gm;

/** The bundle without its costly imports. Throws on one that REPLACEMENTS does not name. */
export function trimBundle(text: string): string {
  return text.replace(IMPORT, (_statement: string, names: string, name: string) => {
    const replacement = REPLACEMENTS[name];
    if (replacement === undefined) {
      throw new Error(
        `Cannot trim the bundle: say in tools/trim_bundle.ts what "node:${name}" is for`,
      );
    }
    // On one line, so that the lines of stack traces stay those of the bundle.
    return `const ${names.replaceAll(" as ", ": ")} = ${replacement.replaceAll(/\n\s*/g, " ")};`;
  });
}

if (import.meta.main) {
  const [path = ""] = Deno.args;
  await Deno.writeTextFile(path, trimBundle(await Deno.readTextFile(path)));
}
