/** What the metrics page is pinned with. */
import type { Distribution } from "../../src/web/exposition.ts";
import type { Snapshot } from "../../src/web/snapshot.ts";
import { LATENCY_BOUNDS } from "../../src/base/histogram.ts";

function latency(...counts: readonly number[]): Distribution {
  const padded = [...LATENCY_BOUNDS, Infinity].map((_, i) => counts[i] ?? 0);
  return { bounds: LATENCY_BOUNDS, counts: padded, sum: 0.25 * counts.length };
}

/** A daemon with four calls and every counter at a number of its own. */
export const SNAPSHOT: Snapshot = {
  version: "1.2.3",
  runtime: "deno 2.0.0",
  kmod: { flows: 10, room: 400_000, dropped: { packetRate: 2 }, left: { mtu: 5 } },
  isReady: true,
  uptimeSeconds: 12_345.5,
  process: {
    startEpochSeconds: 1_700_000_000.25,
    cpuSeconds: 61.25,
    residentBytes: 73_400_320,
    openFiles: 24,
    maxFiles: 1024,
  },
  loopLag: { bounds: [0.001, 0.01, 0.1], counts: [900, 90, 9, 1], sum: 2.5 },
  warnings: 1,
  sessions: {
    nft: { unheard: 1, active: 2, stale: 1 },
    kmod: { unheard: 0, active: 3, stale: 0 },
  },
  heard: { oneWay: 1, ended: { both: 131, caller: 132, callee: 133, nobody: 134 } },
  room: 25_000,
  ports: [
    { instance: "default", inUse: 12, free: 9989 },
    { instance: "second", inUse: 0, free: 996 },
  ],
  events: {
    opened: 101,
    updated: 102,
    stale: 103,
    resumed: 104,
    learned: 105,
    unknownClose: 106,
    mended: 107,
    backendErrors: 108,
    ended: { command: 111, dropped: 112, silent: 113, "never-heard": 114, replaced: 115 },
    refused: {
      malformed: 121,
      "not-our-address": 122,
      "forbidden-remote": 123,
      collision: 124,
      "same-legs": 125,
      full: 126,
      kernel: 127,
    },
  },
  media: {
    relayed: { packets: 1_000_000, bytes: 200_000_000 },
    held: { packets: 201, bytes: 40_200 },
    refused: { packets: 77, bytes: 15_400 },
  },
  strangers: 3,
  control: {
    verbs: {
      P: { ok: 141, refused: 0, latency: latency(141) },
      G: { ok: 142, refused: 0, latency: latency(100, 42) },
      S: { ok: 143, refused: 3, latency: latency(0, 0, 40, 100, 5, 1) },
      D: { ok: 144, refused: 0, latency: latency(0, 0, 44, 100) },
      other: { ok: 0, refused: 4, latency: latency(4) },
    },
    garbage: 145,
    stranger: 146,
  },
  netlink: { latency: latency(0, 50, 100, 40, 5, 0, 1), refused: 151, failed: 1 },
  disturbances: 152,
};
