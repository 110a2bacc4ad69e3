import {
  filterOfAll,
  type MediaLink,
  neededSettings,
  type ReadSetting,
} from "../../nft/sysctls.ts";
import type { Facts } from "../facts.ts";
import { type CheckId, failure, type Finding, good, skipped, warning } from "../finding.ts";

/** Does the kernel take the relay's table? */
export function checkKernel({ tableCheck, kernelRelease, user }: Facts): Finding {
  const id = "kernel.nftables";
  if (tableCheck === null) return good(id, `Linux ${kernelRelease}: the daemon uses nf_tables`);
  if (tableCheck.ok) return good(id, `Linux ${kernelRelease} takes the relay's table (dry run)`);
  if (!user.mayAdministerNetwork) return skipped(id, "a dry run needs root or CAP_NET_ADMIN");
  return failure(
    id,
    `Linux ${kernelRelease} refuses the relay's table: ${firstLine(tableCheck.error)}`,
    {
      why: "nothing can be relayed",
      remedy: ["modprobe -a nf_tables nft_ct, or a kernel of 5.10 or newer with CONFIG_NF_TABLES"],
    },
  );
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}

/** Can the kernel module be used? Whoever has none does without, and loses nothing but speed. */
export function checkModule({ module, daemon, config, kernelRelease }: Facts): Finding {
  const id = "kernel.module";
  const { isLoaded, isInstalled, obstacle } = module;
  const isWanted = config.ok && config.value.paths.mode === "kmod";
  const paths = daemon.status.ok ? daemon.status.value.paths : null;
  if (obstacle === null && (paths === null || paths.kmod !== null)) {
    const flows = paths?.kmod ? `: ${paths.kmod.flows} of ${paths.kmod.room} flows` : "";
    return good(id, `lrkproxy.ko is loaded${flows}${paths?.reason ? `; ${paths.reason}` : ""}`);
  }
  if (isLoaded) {
    const why = "nftables relays everything, which takes more of the CPUs";
    return warning(id, paths?.reason ?? obstacle ?? "lrkproxy.ko is loaded and does not answer", {
      why,
      remedy: [
        "ls -l /dev/lrkproxy: it belongs to the daemon's user, mode 0600",
        "./install.sh --upgrade",
      ],
    });
  }
  if (!isWanted) {
    const what = isInstalled
      ? "lrkproxy.ko is installed and not loaded: nftables relays everything (modprobe lrkproxy)"
      : `no lrkproxy.ko is installed for Linux ${kernelRelease}, and none is needed: nftables relays everything`;
    return good(id, what);
  }
  return warning(id, "[kernel] mode is kmod, and lrkproxy.ko is not loaded", {
    why: "nftables relays everything, which takes more of the CPUs",
    remedy: isInstalled
      ? ["modprobe lrkproxy"]
      : [`apt-get install linux-headers-${kernelRelease} gcc make`, "./install.sh --upgrade"],
  });
}

const OLDEST_NFT = [1, 0, 6] as const;

/** Is nft new enough? */
export function checkNftVersion({ nftVersion }: Facts): Finding {
  const id = "nft.version";
  const remedy = ["apt-get install nftables"];
  const why = "the daemon loads its table with nft 1.0.6 or newer";
  if (!nftVersion.ok) return failure(id, nftVersion.error, { why, remedy });
  const parts = nftVersion.value.split(".").map(Number);
  const differing = OLDEST_NFT.findIndex((part, i) => parts[i] !== part);
  const isOld = differing >= 0 && (parts[differing] ?? 0) < (OLDEST_NFT[differing] ?? 0);
  return isOld
    ? failure(id, `nft is ${nftVersion.value}`, { why, remedy })
    : good(id, `nft ${nftVersion.value}`);
}

/** Does a start-up file take everybody's tables away? */
export function checkFlush({ nftFiles }: Facts): readonly Finding[] {
  const id = "nft.flush";
  const flushing = nftFiles.filter(({ text }) => /^[^#\n]*\bflush\s+ruleset\b/m.test(text));
  if (flushing.length === 0) return [good(id, "no start-up file of nft flushes the ruleset")];
  return flushing.map(({ path }) =>
    warning(id, `${path} flushes the whole ruleset`, {
      why: "each load of it interrupts all media until the daemon has put its table back",
      remedy: [
        `in ${path}, in place of "flush ruleset": "table FAMILY NAME" and "delete table FAMILY NAME" for each table that it makes`,
      ],
    })
  );
}

const SETTINGS: readonly (readonly [key: string, id: CheckId, why: string])[] = [
  ["forwarding", "sysctl.forwarding", "relayed packets are forwarded ones"],
  [
    "accept_local",
    "sysctl.accept_local",
    "rewritten packets carry this machine's own address and are dropped as martians",
  ],
  [
    "rp_filter",
    "sysctl.rp_filter",
    "a strict filter drops rewritten packets (the stricter of `all` and the interface counts)",
  ],
  [
    "send_redirects",
    "sysctl.send_redirects",
    "endpoints would be told to send their media past the relay",
  ],
];

/** A setting that is not as relaying needs it. */
export interface Unmet {
  readonly key: string;
  readonly interface: string;
  readonly is: string;
  readonly needed: string;
}

/** What is known of media interfaces and their settings. */
export interface SettingFacts extends Pick<Facts, "sysctls" | "numbered"> {
  readonly links: readonly { readonly name: string }[];
}

/** The media interfaces, as their settings depend on them. */
export function mediaLinks(
  { links, numbered }: Pick<SettingFacts, "links" | "numbered">,
): readonly MediaLink[] {
  return links.map(({ name }) => ({ name, hasAddress: numbered.includes(name) }));
}

/** The settings of the media interfaces that are not as they have to be. */
export function unmetSettings(facts: SettingFacts): readonly Unmet[] {
  const read = reader(facts);
  return mediaLinks(facts).flatMap((link) =>
    neededSettings(link, read).map(([path, needed]) => ({
      key: path.slice(link.name.length + 1),
      interface: link.name,
      is: read(path),
      needed,
    }))
  ).filter(({ is, needed }) => is !== needed);
}

/** A filter of all interfaces that drops what is relayed. */
export function strictForAll(facts: SettingFacts): readonly Finding[] {
  const filter = filterOfAll(mediaLinks(facts), reader(facts));
  if (filter === null) return [];
  const { text, remedy } = filter;
  return [
    failure("sysctl.rp_filter", text, { why: "calls by these interfaces are silent", remedy }),
  ];
}

function reader({ sysctls }: SettingFacts): ReadSetting {
  return (path) => {
    const dot = path.lastIndexOf(".");
    return sysctls[`net/ipv4/conf/${path.slice(0, dot)}/${path.slice(dot + 1)}`] ?? "";
  };
}

/** Are the media interfaces set as relaying needs it? Without a daemon, that is not so yet. */
export function checkSettings(facts: Facts): readonly Finding[] {
  const unmet = unmetSettings(facts);
  const isRunning = facts.daemon.status.ok || facts.daemon.ownsTable;
  return SETTINGS.flatMap(([key, id, why]) => {
    if (facts.links.length === 0) return [skipped(id, "no media interface is known")];
    const own = unmet.filter((each) => each.key === key);
    const ofAll = key === "rp_filter" ? strictForAll(facts) : [];
    const names = facts.links.map(({ name }) => name).join(", ");
    if (own.length + ofAll.length === 0) return [good(id, `${key} is right on ${names}`)];
    const make = isRunning ? failure : warning;
    const unset = own.map(({ interface: name, is, needed }) =>
      make(id, `net.ipv4.conf.${name}.${key} is ${is || "missing"}, must be ${needed}`, {
        why: isRunning ? why : `${why}; the daemon sets it when it starts, if it may`,
        remedy: [`sysctl -w net/ipv4/conf/${name}/${key}=${needed}`],
      })
    );
    return [...ofAll, ...unset];
  });
}
