import ipaddr from "ipaddr.js";
import type { Cidr } from "../../base/cidr.ts";
import { formatAddress } from "../../base/cidr.ts";
import type { Facts } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";
import { isControlPort } from "../media_paths.ts";

/** Kinds of addresses that no packet from the internet carries. */
const PRIVATE = ["private", "loopback", "linkLocal", "uniqueLocal", "carrierGradeNat"];

/** Whether a network is within private ones; the whole of it must be, so both ends are asked. */
function isPrivate({ bytes, prefix }: Cidr): boolean {
  const end = bytes.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, prefix - i * 8))));
  const kinds = [bytes, end].map((each) => ipaddr.fromByteArray([...each]).range());
  return kinds.every((kind) => kind === kinds[0] && PRIVATE.includes(kind));
}

function isLoopback({ bytes }: Cidr): boolean {
  return ipaddr.fromByteArray([...bytes]).range() === "loopback";
}

function isLoopbackHost(host: string): boolean {
  if (!ipaddr.isValid(host)) return host.toLowerCase() === "localhost";
  return ipaddr.process(host).range() === "loopback";
}

function isOneHost({ bytes, prefix }: Cidr): boolean {
  return prefix === bytes.length * 8;
}

/** Can only those send commands who may? */
export function checkExposed({ config, sysctls, links }: Facts): readonly Finding[] {
  const id = "control.exposed";
  if (!config.ok) return [];
  const { instances, controlAllow } = config.value;
  const open = instances.flatMap(({ udp }) => udp && !isLoopbackHost(udp.host) ? [udp] : []);
  if (open.length === 0) return [good(id, "commands can be sent from this machine only")];
  const sockets = open.map(({ host, port }) => `${host}:${port}`).join(", ");
  const wide = controlAllow.filter((network) => !isPrivate(network));
  const why = "commands carry no password: whoever can send them can redirect any call";
  if (wide.length > 0) {
    const networks = wide.map(({ text }) => text).join(", ");
    const make = wide.every(isOneHost) ? warning : failure;
    return [make(id, `${sockets} takes commands from ${networks}`, {
      why: `${why}; UDP source addresses can be forged`,
      remedy: [
        `[UDP socket] allow : Kamailio's private address; a network of your own, or a tunnel, between them`,
      ],
    })];
  }
  if (!controlAllow.every(isLoopback)) {
    return [
      good(
        id,
        `${sockets} takes commands from private networks: ${
          controlAllow.map(({ text }) => text).join(", ")
        }`,
      ),
    ];
  }
  const routed = links.filter(({ name }) =>
    sysctls[`net/ipv4/conf/${name}/route_localnet`] === "1"
  );
  return [warning(id, `${sockets} is reachable, though only this machine may send commands`, {
    why: routed.length > 0
      ? `${routed.map(({ name }) => name).join(", ")} lets 127.0.0.1 in (route_localnet): ${why}`
      : "a typing error in `allow` would open it",
    remedy: ["[UDP socket] socket_udp_host : 127.0.0.1 in lrkproxy.ini"],
  })];
}

/** Are commands lost for lack of room? */
export function checkBuffer({ config, sockets, sysctls, user }: Facts): readonly Finding[] {
  const id = "control.buffer";
  if (!config.ok) return [];
  if (!sockets.ok) return [skipped(id, sockets.error)];
  const lossy = sockets.value.filter(({ port, drops }) =>
    isControlPort(config.value, port) && drops > 0
  );
  const asked = config.value.receiveBufferBytes;
  if (lossy.length > 0) {
    return lossy.map(({ address, port, drops }) =>
      warning(
        id,
        `the socket on ${
          formatAddress({
            family: 4,
            bytes: Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address),
          })
        }:${port} has lost ${drops} command(s)`,
        {
          why: "a Kamailio worker waits a second for each lost one",
          remedy: [`[UDP socket] receive_buffer : ${asked * 2} in lrkproxy.ini`],
        },
      )
    );
  }
  const limit = Number(sysctls["net/core/rmem_max"] ?? asked);
  const hint = limit < asked && !user.mayAdministerNetwork
    ? `; without CAP_NET_ADMIN the daemon would get ${limit} bytes of ${asked} (net.core.rmem_max)`
    : "";
  return [good(id, `no command was lost${hint}`)];
}
