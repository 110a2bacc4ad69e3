import { formatIpv4 } from "../../base/ipv4.ts";
import type { MediaPath } from "../media_paths.ts";
import type { Chain, Table } from "./model.ts";

/** Whose table it is, as far as names tell. */
type Owner = "firewalld" | "ufw" | "Docker" | "iptables" | "nftables";

/** Which media are to pass, and whether the chain sees them before they are rewritten. */
export interface ToPass {
  readonly paths: readonly MediaPath[];
  readonly before: boolean;
}

/** The owner of a table and where it is, for people. */
export function ownerOf(table: Table, chain: Chain): string {
  const { family, name, dialect } = table;
  const owner = recognise(table, chain);
  const program = dialect === "nft" ? "" : ` (${dialect})`;
  const title = owner === "nftables" || owner === "iptables" ? "" : `${owner}'s `;
  return `${title}table ${family} ${name}${program}`;
}

function recognise(table: Table, { name }: Chain): Owner {
  const { dialect, family } = table;
  if (table.name === "firewalld") return "firewalld";
  if (dialect === "nft" && !(family === "ip" && name === name.toUpperCase())) return "nftables";
  const has = (start: string): boolean =>
    [...table.chains.keys()].some((each) => each.startsWith(start));
  if (name === "FORWARD" && has("ufw-")) return "ufw";
  if (name === "FORWARD" && has("DOCKER-USER")) return "Docker";
  return dialect === "nft" ? "nftables" : "iptables";
}

/** The commands that let media pass, in the words of whom the chain belongs to. */
export function remedyFor(table: Table, chain: Chain, toPass: ToPass): readonly string[] {
  switch (recognise(table, chain)) {
    case "firewalld":
      return firewalldPolicy(toPass);
    case "ufw":
      return sources(toPass).flatMap(({ addresses, first, last }) =>
        addresses.map((address) =>
          `ufw route allow proto udp from ${address} port ${first}:${last} to any`
        )
      );
    case "Docker":
      return iptablesRules(table, "DOCKER-USER", toPass);
    case "iptables":
      return iptablesRules(table, chain.name, toPass);
    case "nftables":
      return nftRules(table, chain, toPass);
  }
}

interface Source {
  readonly addresses: readonly string[];
  readonly first: number;
  readonly last: number;
}

/** The addresses by range of ports. */
function sources({ paths, before }: ToPass): readonly Source[] {
  const byPorts = new Map<string, Source>();
  for (const { source, arrival, ports: [first, last] } of paths) {
    const address = formatIpv4(before ? arrival : source);
    const known = byPorts.get(`${first}-${last}`)?.addresses ?? [];
    const addresses = [...new Set([...known, address])];
    byPorts.set(`${first}-${last}`, { addresses, first, last });
  }
  return [...byPorts.values()];
}

function nftRules({ family, name }: Table, chain: Chain, toPass: ToPass): readonly string[] {
  const [address, port] = toPass.before ? ["daddr", "dport"] : ["saddr", "sport"];
  return sources(toPass).map(({ addresses, first, last }) =>
    `nft 'insert rule ${family} ${name} ${chain.name} ip ${address} { ${addresses.join(", ")} } ` +
    `udp ${port} ${first}-${last} accept'`
  );
}

function iptablesRules(table: Table, chain: string, toPass: ToPass): readonly string[] {
  const { dialect, name } = table;
  const program = dialect === "iptables-legacy" ? "iptables-legacy" : "iptables-nft";
  const where = name === "filter" ? "" : ` -t ${name}`;
  const [address, port] = toPass.before ? ["-d", "--dport"] : ["-s", "--sport"];
  return sources(toPass).map(({ addresses, first, last }) =>
    `${program}${where} -I ${chain} ${address} ${addresses.join(",")} ` +
    `-p udp ${port} ${first}:${last} -j ACCEPT`
  );
}

/** A policy of its own: direct rules of firewalld do not override its own ones. */
function firewalldPolicy(toPass: ToPass): readonly string[] {
  const policy = "firewall-cmd --permanent --policy lrkproxy";
  const rules = sources(toPass).flatMap(({ addresses, first, last }) =>
    addresses.map((address) =>
      `${policy} --add-rich-rule 'rule family="ipv4" source address="${address}" ` +
      `source-port port="${first}-${last}" protocol="udp" accept'`
    )
  );
  return [
    "firewall-cmd --permanent --new-policy lrkproxy",
    `${policy} --set-priority -100`,
    `${policy} --add-ingress-zone ANY`,
    `${policy} --add-egress-zone ANY`,
    ...rules,
    "firewall-cmd --reload",
  ];
}
