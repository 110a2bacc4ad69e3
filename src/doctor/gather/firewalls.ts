import { readProcFile } from "../../base/procfs.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Facts } from "../facts.ts";
import { parseIptables } from "../firewall/iptables.ts";
import type { Table } from "../firewall/model.ts";
import {
  chainDevices,
  hasNamelessDevices,
  type Json,
  type NamedSets,
  nftObjects,
  parseNftTable,
  setElements,
  setsAskedFor,
} from "../firewall/nft_json.ts";
import { runProgram } from "./program.ts";

/** Everybody's tables but ours: listing that one takes long, and it is the daemon's to look after. */
export async function gatherFirewalls(): Promise<Pick<Facts, "firewall" | "legacyFirewall">> {
  const [firewall, legacyFirewall] = await Promise.all([gatherNft(), gatherLegacy()]);
  return { firewall, legacyFirewall };
}

interface TableName {
  readonly family: string;
  readonly name: string;
}

const FAMILIES = ["ip", "inet", "netdev"];
/** The tables that iptables-nft makes. */
const IPTABLES = ["filter", "mangle", "raw", "security", "nat"];

async function gatherNft(): Promise<Result<readonly Table[]>> {
  const listed = await runProgram("nft", ["-j", "list", "tables"]);
  if (!listed.ok) return err(`Cannot list the firewall's tables: ${listed.error}`);
  const names = tableNames(listed.value.out).filter(({ family, name }) =>
    FAMILIES.includes(family) && !(family === "ip" && name === "lrkproxy")
  );
  const tables: Table[] = [];
  const byIptables = await gatherIptablesNft(names);
  for (const table of names) {
    const known = table.family === "ip" && byIptables.find(({ name }) => name === table.name);
    const read = known ? ok(known) : await gatherTable(table);
    if (!read.ok) return err(`Cannot list table ${table.family} ${table.name}: ${read.error}`);
    tables.push(read.value);
  }
  return ok(tables);
}

function tableNames(json: string): readonly TableName[] {
  return nftObjects(json).flatMap(({ table }) => {
    const { family, name } = (table ?? {}) as Record<string, Json>;
    return typeof family === "string" && typeof name === "string" ? [{ family, name }] : [];
  });
}

/** nft cannot print all that iptables-nft writes, so its tables are read with its own words. */
async function gatherIptablesNft(names: readonly TableName[]): Promise<readonly Table[]> {
  if (!names.some(({ family, name }) => family === "ip" && IPTABLES.includes(name))) return [];
  const saved = await runProgram("iptables-nft-save", []);
  return saved.ok ? parseIptables(saved.value.out, "iptables-nft") : [];
}

async function gatherTable({ family, name }: TableName): Promise<Result<Table>> {
  // Terse: sets of addresses may be huge, and only those that rules ask for are needed.
  const listed = await runProgram("nft", ["-j", "-t", "list", "table", family, name]);
  if (!listed.ok) return listed;
  const { out } = listed.value;
  const sets = new Map<string, readonly Json[]>();
  for (const set of setsAskedFor(out)) {
    const elements = await gatherSet(family, name, set);
    if (elements) sets.set(set, elements);
  }
  const listing = hasNamelessDevices(out)
    ? await runProgram("nft", ["-t", "list", "table", family, name])
    : null;
  const devices = chainDevices(listing?.ok ? listing.value.out : "");
  return ok(parseNftTable(out, sets satisfies NamedSets, devices));
}

async function gatherSet(
  family: string,
  table: string,
  set: string,
): Promise<readonly Json[] | null> {
  for (const kind of ["set", "map"]) {
    const listed = await runProgram("nft", ["-j", "list", kind, family, table, set]);
    if (listed.ok) return setElements(listed.value.out);
  }
  return null;
}

/** Legacy tables are listed only if there are any: listing them makes them. */
async function gatherLegacy(): Promise<Result<readonly Table[]>> {
  const names = readProcFile("/proc/net/ip_tables_names")?.trim() ?? "";
  if (names === "") return ok([]);
  const saved = await runProgram("iptables-legacy-save", []);
  if (saved.ok) return ok(parseIptables(saved.value.out, "iptables-legacy"));
  return err(
    `Cannot list the tables of legacy iptables (${names.split("\n").join(", ")}): ${saved.error}`,
  );
}
