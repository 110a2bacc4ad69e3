/** Writes tests/golden anew: `deno task golden`. What it changes belongs in the same commit. */
import { generate, GENERATORS, readGolden } from "../tests/golden/generators.ts";

/** Written by tools/check_wire.sh, since it is the C compiler that knows it. */
const OF_WIRE = /^wire(_layout\.txt$|\/)/;

const FOLDER = new URL("../tests/golden/", import.meta.url);

async function* goldenFiles(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) yield* goldenFiles(url);
    else if (!name.endsWith(".ts")) yield url.pathname.slice(FOLDER.pathname.length);
  }
}

function current(name: string): string | null {
  try {
    return readGolden(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

if (import.meta.main) {
  for (const name of GENERATORS.keys()) {
    const text = generate(name);
    if (text === current(name)) continue;
    await Deno.mkdir(new URL(".", new URL(name, FOLDER)), { recursive: true });
    await Deno.writeTextFile(new URL(name, FOLDER), text);
    console.log(`Written: tests/golden/${name}`);
  }
  for await (const name of goldenFiles(FOLDER)) {
    if (!GENERATORS.has(name) && !OF_WIRE.test(name)) {
      console.error(`No code produces tests/golden/${name}`);
    }
  }
}
