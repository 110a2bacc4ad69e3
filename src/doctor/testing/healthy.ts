import { parseIpv4 } from "../../base/ipv4.ts";
import { ok } from "../../base/result.ts";
import { VERSION } from "../../base/version.ts";
import type { Config } from "../../config/config.ts";
import { loadConfigText } from "../../config/load.ts";
import type { StatusView } from "../../control/admin.ts";
import type { LocalAddress } from "../../daemon/media.ts";
import type { Facts } from "../facts.ts";

/** A configuration of the usual test network, with lines of one's own behind `[kernel]`. */
export function config(kernel = "", others = ""): Config {
  const text = `[kernel]\nstart_port : 20000\nend_port : 30000\ninternal_ip : 10.10.1.1\n` +
    `external_ip : 192.0.2.1\n${kernel}\n${others}\n`;
  const loaded = loadConfigText(text, "test");
  if (!loaded.ok) throw new Error(loaded.error.map(({ message }) => message).join());
  return loaded.value;
}

/** An address of the relay on one of its interfaces. */
export function localAddress(name: string, text: string): LocalAddress {
  const address = parseIpv4(text);
  if (!address.ok) throw new Error(address.error);
  return {
    interface: name,
    address: address.value,
    mask: 0xffffff00,
    bringsPackets: true,
    arrival: name,
  };
}

/** What a daemon says that has nothing to complain about. */
export const STATUS: StatusView = {
  version: VERSION,
  pid: 100,
  uptimeSeconds: 60,
  path: "nft",
  paths: {
    mode: "auto",
    byHand: [],
    packetsPerSecond: 0,
    softirqPercent: 0,
    kmod: null,
    reason: "no kernel module is installed for Linux 6.1.0, and none is needed",
  },
  sessions: { unheard: 0, active: 0, stale: 0, unread: 0 },
  oneWay: { caller: 0, callee: 0, of: 0 },
  instances: [{
    name: "default",
    control: ["udp:127.0.0.1:8080"],
    internal: "10.10.1.1",
    external: "192.0.2.1",
    ports: "20000-30000",
    portsInUse: 0,
    nextPort: 20000,
    calls: 0,
    room: 2500,
  }],
  control: {},
  relay: { mended: 0 },
  sysctls: {},
  warnings: [],
  remedies: [],
  drain: null,
  rssBytes: 1,
};

function linkSettings(name: string): Readonly<Record<string, string>> {
  const settings = ["forwarding=1", "accept_local=1", "rp_filter=2", "send_redirects=0"];
  return Object.fromEntries(
    settings.map((setting) => `net/ipv4/conf/${name}/${setting}`.split("=")),
  );
}

/** A relay on which every check finds nothing. */
export function healthy(changes: Partial<Facts> = {}): Facts {
  return {
    configPath: "/etc/lrkproxy/lrkproxy.ini",
    configChangedMs: null,
    config: ok(config()),
    user: { uid: 0, mayAdministerNetwork: true },
    daemon: {
      adminSocket: "/run/lrkproxy/admin.sock",
      status: ok(STATUS),
      ownsTable: true,
      configPath: "/etc/lrkproxy/lrkproxy.ini",
      hasSameConfig: true,
      openFilesLimit: 1024,
    },
    kernelRelease: "6.1.0",
    module: {
      isLoaded: false,
      isInstalled: false,
      obstacle: "no kernel module is installed for Linux 6.1.0, and none is needed",
    },
    nftVersion: ok("1.0.6"),
    tableCheck: null,
    nftFiles: [],
    sysctls: {
      "net/ipv4/ip_forward": "1",
      "net/ipv4/conf/all/rp_filter": "1",
      "net/ipv4/ip_local_port_range": "32768\t60999",
      "net/ipv4/ip_local_reserved_ports": "",
      "net/core/rmem_max": "212992",
      "net/netfilter/nf_conntrack_count": "10",
      "net/netfilter/nf_conntrack_max": "1000",
      ...linkSettings("inside"),
      ...linkSettings("outside"),
    },
    addresses: [localAddress("inside", "10.10.1.1"), localAddress("outside", "192.0.2.1")],
    numbered: ["lo", "inside", "outside"],
    links: ["inside", "outside"].map((name) => ({
      name,
      state: "up",
      isEnabled: true,
      rpsMasks: ["3"],
    })),
    routes: [{
      from: "192.0.2.1",
      to: "9.9.9.9",
      iif: "inside",
      target: "anybody",
      way: ok("outside"),
    }],
    calls: [],
    firewall: ok([]),
    legacyFirewall: ok([]),
    sockets: ok([]),
    engines: [],
    tracked: ok([]),
    kamailio: { running: [], installed: null, file: null },
    cpu: { seconds: 0.5, packets: [10, 10], received: 20, dropped: 0 },
    clock: { kernel: { synchronised: true, maxErrorSeconds: 0.01 }, nowMs: Date.UTC(2026, 0, 1) },
    files: [],
    ...changes,
  };
}
