/** What is no error in a file, but worth a line in the log. */
import ipaddr from "ipaddr.js";
import type { Placed } from "./instances.ts";
import type { ValuesOf } from "./schema.ts";
import type { Given } from "./sections.ts";

/** Notes on keys that are accepted without effect. */
export function unusedNotes({ kernel, udpSocket, unixSocket, cache }: {
  readonly kernel: Given<ValuesOf<"kernel">>;
  readonly udpSocket: Given<ValuesOf<"UDP socket">>;
  readonly unixSocket: Given<ValuesOf<"UNIX socket">>;
  readonly cache: Given<ValuesOf<"Cache">>;
}): readonly string[] {
  const notes: string[] = [];
  if (unixSocket.values.forward_to !== null) {
    notes.push("[UNIX socket] forward_to is not used: there is no second process to forward to");
  }
  if (cache.values.save_call_cache) {
    notes.push(
      "[Cache] save_call_cache is not used: calls live in the kernel and outlast the daemon",
    );
  }
  if (kernel.values.internal_ip !== null) return notes;
  if (udpSocket.lineOf("socket_udp_port") !== null || unixSocket.values.listen !== null) {
    notes.push(
      "[UDP socket] socket_udp_port and [UNIX socket] listen are not used: without " +
        "[kernel] internal_ip there is no default instance",
    );
  }
  return notes;
}

/**
 * A legacy file says 0.0.0.0 and knows no `allow`. The default keeps it safe, but the Kamailio that
 * it was written for may be on another machine.
 */
export function allowNotes(
  udpSocket: Given<ValuesOf<"UDP socket">>,
  placed: readonly Placed[],
): readonly string[] {
  const open = placed.some(({ config }) => config.udp !== null && !isLoopback(config.udp.host));
  if (!open || udpSocket.lineOf("allow") !== null) return [];
  return [
    "Commands are taken from this machine only: [UDP socket] allow says who else may send them",
  ];
}

function isLoopback(host: string): boolean {
  if (!ipaddr.isValid(host)) return host.toLowerCase() === "localhost";
  return ipaddr.process(host).range() === "loopback";
}
