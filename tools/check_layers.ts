/** Checks who imports whom: `deno run --allow-read tools/check_layers.ts`. Exit status 1 on a breach. */

/** What each folder of src/ may import besides itself; a name with a slash is one file. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  netns: ["base"],
  netlink: ["base"],
  rtnetlink: ["base", "netlink"],
  systemd: ["base"],
  core: ["base"],
  config: ["base"],
  control: ["base", "core"],
  nft: ["base", "core", "netlink"],
  kmod: ["base", "core"],
  fake: ["base", "core"],
  web: ["base", "core"],
  daemon: ["base", "core", "config", "control", "nft", "kmod", "rtnetlink", "systemd", "web"],
  cli: ["base", "config", "control/admin.ts"],
  doctor: [
    "base",
    "config",
    "control/admin.ts",
    "kmod/fast_path.ts",
    "kmod/installed.ts",
    "nft/load.ts",
    "nft/sysctls.ts",
    "rtnetlink",
    "daemon/media.ts",
    "cli/output.ts",
    "cli/args.ts",
  ],
  demo: ["base", "core", "config", "control", "netns", "daemon", "cli/output.ts", "cli/args.ts"],
};

/** Folders that know no operating system. */
const PURE = ["core"];

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (path.endsWith(".ts") && !path.endsWith("_test.ts")) yield path;
  }
}

/** What a file of src/ imports or uses against the rules, a line each. */
export function breaches(path: string, text: string): readonly string[] {
  const [, folder = ""] = path.split("/");
  const allowed = ALLOWED[folder];
  if (!allowed) return [`${path}: the folder src/${folder} has no rule in tools/check_layers.ts`];
  const found: string[] = [];
  for (const [, target = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
    const resolved = new URL(target, `file:///${path}`).pathname.slice(1);
    const inside = resolved.replace(/^src\//, "");
    const isAllowed = inside.startsWith(`${folder}/`) || !resolved.startsWith("src/") ||
      allowed.some((rule) => rule === inside || inside.startsWith(`${rule}/`));
    if (!isAllowed) found.push(`${path}: src/${folder} may not import ${resolved}`);
  }
  if (PURE.includes(folder) && /\bDeno\./.test(text)) {
    found.push(`${path}: src/${folder} uses Deno`);
  }
  return found;
}

if (import.meta.main) {
  const found: string[] = [];
  for await (const path of sources("src")) {
    found.push(...breaches(path, await Deno.readTextFile(path)));
  }
  for (const breach of found) console.error(breach);
  Deno.exit(found.length === 0 ? 0 : 1);
}
