import type { Namespace } from "../../src/netns/namespaces.ts";

/** What nf_tables really holds, as nft tells it. */

/** An element of one of our sets or maps. */
export interface KernelElement {
  /** The parts of its key. */
  readonly key: readonly string[];
  /** For a flow: what packets leave with, `address:port > address:port`. */
  readonly rewrite: string | null;
  readonly comment: string | null;
  readonly packets: number;
}

/** The sets and maps of our table by name. */
export type KernelTable = ReadonlyMap<string, readonly KernelElement[]>;

/** Run a program in a namespace, so that timers and sockets of the test go on meanwhile. */
export async function runIn(
  place: Namespace,
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await place.run(() => command.spawn()).output();
  if (success) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`"${program} ${args.join(" ")}" failed: ${said}`);
}

/** Run nft with one command, such as `flush map ip lrkproxy legs`. */
export async function nft(place: Namespace, command: string): Promise<string> {
  return await runIn(place, "nft", command);
}

/** Read our table; the answer is empty if there is none. */
export async function readTable(place: Namespace): Promise<KernelTable> {
  return parseTable(await runIn(place, "nft", "-j", "list ruleset"));
}

/** Read our table from what `nft -j list ruleset` prints. */
export function parseTable(text: string): KernelTable {
  const { nftables } = JSON.parse(text) as { nftables: Record<string, JsonSet>[] };
  const sets = nftables.flatMap((object) => object.set ?? object.map ?? [])
    .filter(({ table }) => table === "lrkproxy");
  return new Map(sets.map((set) => [set.name, (set.elem ?? []).map(parseElement)]));
}

/** Read one set or map of our table; the answer is empty if there is none. */
export async function readSet(place: Namespace, name: string): Promise<readonly KernelElement[]> {
  return (await readTable(place)).get(name) ?? [];
}

/** How many elements there are in each set that holds pieces of sessions. */
export async function sizes(place: Namespace): Promise<Readonly<Record<string, number>>> {
  const table = await readTable(place);
  return Object.fromEntries(
    ["sessions", "legs", "open", "held"].map((set) => [set, table.get(set)?.length ?? 0]),
  );
}

/** How many packets from `from` (an address, or `address:port`) were turned away. */
export async function refusedFrom(place: Namespace, from: string): Promise<number> {
  return (await readSet(place, "strangers"))
    .filter(({ key: [, , address, port] }) => from === address || from === `${address}:${port}`)
    .reduce((sum, { packets }) => sum + packets, 0);
}

/** Whether there is a table of ours. */
export async function hasTable(place: Namespace): Promise<boolean> {
  return (await runIn(place, "nft", "list tables")).includes("table ip lrkproxy\n");
}

/** The text of everybody else's tables with all handles: a table made anew would have others. */
export async function otherTables(place: Namespace): Promise<string> {
  return (await runIn(place, "nft", "-a", "list ruleset")).replace(OUR_TABLE, "");
}

/** The text of our chains with their rules, without what these have counted. */
export async function ourChains(place: Namespace): Promise<string> {
  const [table = ""] = OUR_TABLE.exec(await runIn(place, "nft", "list ruleset")) ?? [];
  return table.slice(table.indexOf("\tchain ")).replaceAll(
    /counter packets \d+ bytes \d+/g,
    "counter",
  );
}

const OUR_TABLE = /^table ip lrkproxy \{.*?^\}\n/ms;

type JsonKey = { readonly concat: readonly unknown[] };
type JsonElement = JsonKey | {
  readonly elem: {
    /** A key of one part is that alone. */
    readonly val: JsonKey | string;
    readonly comment?: string;
    readonly counter?: { readonly packets: number };
  };
};

interface JsonSet {
  readonly table: string;
  readonly name: string;
  readonly elem?: readonly (JsonElement | readonly [JsonElement, JsonKey | number])[];
}

function parseElement(
  item: JsonElement | readonly [JsonElement, JsonKey | number],
): KernelElement {
  const [left, data] = Array.isArray(item) ? item : [item, null];
  const { val, comment = null, counter } = "elem" in left ? left.elem : { val: left };
  return {
    key: (typeof val === "string" ? [val] : val.concat).map((part: unknown) =>
      typeof part === "object" ? JSON.stringify(part) : String(part)
    ),
    rewrite: data !== null && typeof data === "object" ? rewriteText(data) : null,
    comment,
    packets: counter?.packets ?? 0,
  };
}

/** Both ports are one number as this machine reads the four bytes that they are in a packet. */
function rewriteText({ concat: [source, destination, ports] }: JsonKey): string {
  const bytes = new Uint8Array(Uint32Array.of(Number(ports)).buffer);
  const [from, to] = [0, 2].map((at) => new DataView(bytes.buffer).getUint16(at));
  return `${source}:${from} > ${destination}:${to}`;
}
