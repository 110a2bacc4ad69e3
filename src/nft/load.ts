import text from "../../nft/lrkproxy.nft" with { type: "text" };

/** How many elements a set needs for `sessions` sessions. */
export function capacityFor(sessions: number): number {
  // Four flows a session, and headroom for those being replaced in the same transaction.
  return Math.max(1024, sessions * 5);
}

/** The static text of the table with room for `sessions` sessions. */
export function tableText(sessions: number): string {
  const flows = capacityFor(sessions);
  const sized = text.replaceAll("size 131072", `size ${flows}`);
  if (sized === text && flows !== 131072) throw new Error("The table's text has no size to set");
  return sized;
}

/** The chains alone, in place of what is left of them: the sets and what is in them stay. */
export function chainsText(): string {
  const start = text.indexOf("\tchain prerouting {");
  if (start < 0) throw new Error("The table's text has no chain prerouting");
  const chains = text.slice(start);
  // A chain that is there may be added again, and must be there to be flushed.
  const added = [...chains.matchAll(/^\tchain (\w+) \{\n(\t\ttype .*;)?/gm)];
  return `
    ${added.map(([, name, type = ""]) => `add chain ip lrkproxy ${name} { ${type} }`).join("\n")}
    ${added.map(([, name]) => `flush chain ip lrkproxy ${name}`).join("\n")}
    table ip lrkproxy {\n${chains}`;
}

/** Load a ruleset with the nft program. Throws with what nft said. */
export async function loadText(ruleset: string): Promise<void> {
  const command = new Deno.Command("nft", {
    args: ["-f", "-"],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  });
  const nft = command.spawn();
  const writer = nft.stdin.getWriter();
  await writer.write(new TextEncoder().encode(ruleset));
  await writer.close();
  const { success, stderr } = await nft.output();
  if (success) return;
  throw new Error(`Cannot load the nftables table: ${new TextDecoder().decode(stderr).trim()}`);
}
