/**
 * Every metric that is exported: its name, what it means and where its values come from. Names,
 * types and labels are a promise to dashboards; tests/golden/metrics.txt pins them.
 */
import {
  type Distribution,
  type DistributionSample,
  exposition,
  type Family,
  type Labels,
  type Sample,
} from "./exposition.ts";
import type { Snapshot } from "./snapshot.ts";

/** A metric and how its values come out of a {@link Snapshot}. */
export type Metric =
  & { readonly name: string; readonly help: string }
  & (
    | { readonly type: "counter" | "gauge"; samples(now: Snapshot): readonly Sample[] }
    | { readonly type: "histogram"; samples(now: Snapshot): readonly DistributionSample[] }
  );

/** Verbs whose answer takes time that somebody waits for. */
const TIMED_VERBS = ["P", "G", "S", "D"];

/** All metrics, in the order of the page. */
export const METRICS: readonly Metric[] = [
  gauge("build_info", "Always 1; version of lrkproxy and of its runtime.", (now) => [
    { labels: { version: now.version, runtime: now.runtime }, value: 1 },
  ]),
  gauge("ready", "Whether /readyz says yes: 1, or 0.", (now) => one(Number(now.isReady))),
  gauge("uptime_seconds", "Time since the daemon started.", (now) => one(now.uptimeSeconds)),
  gauge("warnings", 'Lines that begin with "warning:" in lrkproxy status.', (now) => {
    return known(now.warnings);
  }),

  gauge("sessions", "Sessions by state (unheard, active, stale) and data path.", (now) => {
    return Object.entries(now.sessions).flatMap(([path, states]) =>
      labelled(states, (state) => ({ state, path }))
    );
  }),
  gauge("sessions_limit", "How many sessions there is room for.", (now) => one(now.room)),
  gauge(
    "sessions_one_way",
    "Sessions that 30 s after their last S have RTP of one party only, nobody being on hold; " +
      "not with [session] learning = never.",
    (now) => now.heard ? one(now.heard.oneWay) : [],
  ),
  counter("sessions_opened_total", "Sessions made by S.", (now) => one(now.events.opened)),
  counter("sessions_updated_total", "S for a session that there was.", (now) => {
    return one(now.events.updated);
  }),
  counter("sessions_ended_total", "Sessions that are over, by what ended them.", (now) => {
    return labelled(now.events.ended, (reason) => ({ reason }));
  }),
  counter(
    "sessions_heard_total",
    "Sessions that are over, by whose RTP was heard in them; not with [session] learning = never.",
    (now) => now.heard ? labelled(now.heard.ended, (heard) => ({ heard })) : [],
  ),
  counter("sessions_stale_total", "Sessions that fell silent.", (now) => one(now.events.stale)),
  counter("sessions_resumed_total", "Silent sessions that were heard again.", (now) => {
    return one(now.events.resumed);
  }),
  gauge(
    "ports_in_use",
    "Relay ports, RTP and RTCP, of sessions that are not stale, by media instance.",
    (now) =>
      now.ports.map(({ instance, inUse }) => ({
        labels: { media_instance: instance },
        value: inUse,
      })),
  ),
  gauge("ports_free", "The other ports of the instance's range.", (now) => {
    return now.ports.map(({ instance, free }) => ({
      labels: { media_instance: instance },
      value: free,
    }));
  }),

  counter(
    "media_packets_total",
    "Packets to relay ports: relayed, held back since the receiver is on hold, or refused. They " +
      "are the kernel's counts and outlive the daemon.",
    (now) => amounts(now, "packets"),
  ),
  counter(
    "media_bytes_total",
    "Bytes of these packets, IP and UDP headers included.",
    (now) => amounts(now, "bytes"),
  ),
  gauge("kmod_up", "Whether the kernel module can be used: 1, or 0.", (now) => {
    return one(Number(now.kmod !== null));
  }),
  gauge("kmod_flows", "Flows in the kernel module; a session has up to four.", ({ kmod }) => {
    return known(kmod && kmod.flows);
  }),
  gauge("kmod_flows_limit", "How many flows the kernel module takes.", ({ kmod }) => {
    return known(kmod && kmod.room);
  }),
  counter(
    "kmod_dropped_packets_total",
    "Packets of flows in the kernel module that it dropped, by reason; since it was loaded.",
    ({ kmod }) => labelled(kmod?.dropped ?? {}, (reason) => ({ reason })),
  ),
  counter(
    "kmod_left_packets_total",
    "Packets of flows in the kernel module that it left to nftables, by reason.",
    ({ kmod }) => labelled(kmod?.left ?? {}, (reason) => ({ reason })),
  ),
  counter("sources_learned_total", "Source ports that flows were locked to.", (now) => {
    return one(now.events.learned);
  }),
  gauge(
    "refused_sources",
    "Senders to relay ports that were turned away in the last 5 minutes; 4096 at most.",
    (now) => one(now.strangers),
  ),

  counter("commands_total", "Commands answered, by verb and result.", (now) => {
    return Object.entries(now.control.verbs).flatMap(([verb, { ok, refused }]) => [
      { labels: { verb, result: "ok" }, value: ok },
      { labels: { verb, result: "refused" }, value: refused },
    ]);
  }),
  counter("refusals_total", "Calls refused, by reason; collision is the one of ports.", (now) => {
    return labelled(now.events.refused, (reason) => ({ reason }));
  }),
  counter("unknown_closes_total", "D for no session.", (now) => one(now.events.unknownClose)),
  counter(
    "datagrams_ignored_total",
    "What came to control sockets and was not answered: garbage, or of a stranger.",
    ({ control: { garbage, stranger } }) =>
      labelled({ garbage, stranger }, (reason) => ({ reason })),
  ),
  histogram(
    "control_latency_seconds",
    "Time from when a command was read to when its answer was sent, by verb.",
    ({ control: { verbs } }) =>
      TIMED_VERBS.flatMap((verb) => {
        const distribution = verbs[verb]?.latency;
        return distribution ? [{ labels: { verb }, distribution }] : [];
      }),
  ),

  histogram(
    "netlink_transaction_seconds",
    "Time that changes of the kernel's table took.",
    (now) => {
      return [plain(now.netlink.latency)];
    },
  ),
  counter(
    "netlink_errors_total",
    "Exchanges with nf_tables that were refused (and tried again in pieces), or that broke off.",
    ({ netlink: { refused, failed } }) => labelled({ refused, failed }, (kind) => ({ kind })),
  ),
  counter(
    "backend_errors_total",
    "Changes of sessions that the kernel refused for good.",
    (now) => {
      return one(now.events.backendErrors);
    },
  ),
  counter(
    "table_mended_total",
    "How often the kernel's table was put right after somebody else had changed it.",
    (now) => one(now.events.mended),
  ),
  counter(
    "table_disturbances_total",
    "How often somebody else was found at work in nf_tables, whether or not ours suffered.",
    (now) => one(now.disturbances),
  ),

  histogram("event_loop_lag_seconds", "How late the daemon's timers were.", (now) => {
    return [plain(now.loopLag)];
  }),
  counter("process_cpu_seconds_total", "CPU time of the daemon, user and system.", (now) => {
    return one(now.process.cpuSeconds);
  }),
  gauge("process_resident_memory_bytes", "Memory of the daemon.", (now) => {
    return one(now.process.residentBytes);
  }),
  gauge("process_open_fds", "Open files and sockets of the daemon, up to 4096.", (now) => {
    return known(now.process.openFiles);
  }),
  gauge("process_max_fds", "How many of them there may be.", (now) => known(now.process.maxFiles)),
  gauge("process_start_time_seconds", "When the daemon started, in seconds since 1970.", (now) => {
    return one(now.process.startEpochSeconds);
  }),
];

/** The page that Prometheus reads. */
export function metricsText(now: Snapshot): string {
  return exposition(METRICS.map((metric) => familyOf(metric, now)));
}

function familyOf(metric: Metric, now: Snapshot): Family {
  const { name, help } = metric;
  return metric.type === "histogram"
    ? { name, help, type: metric.type, samples: metric.samples(now) }
    : { name, help, type: metric.type, samples: metric.samples(now) };
}

type Values = (now: Snapshot) => readonly Sample[];

function gauge(name: string, help: string, samples: Values): Metric {
  return { name: `lrkproxy_${name}`, help, type: "gauge", samples };
}

function counter(name: string, help: string, samples: Values): Metric {
  return { name: `lrkproxy_${name}`, help, type: "counter", samples };
}

function histogram(
  name: string,
  help: string,
  samples: (now: Snapshot) => readonly DistributionSample[],
): Metric {
  return { name: `lrkproxy_${name}`, help, type: "histogram", samples };
}

function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

/** What cannot be known has no value rather than a wrong one. */
function known(value: number | null): readonly Sample[] {
  return value === null ? [] : one(value);
}

function labelled(
  values: Readonly<Record<string, number>>,
  labels: (name: string) => Labels,
): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: labels(name), value }));
}

function amounts({ media }: Snapshot, unit: "packets" | "bytes"): readonly Sample[] {
  return Object.entries(media ?? {}).map(([result, amount]) => ({
    labels: { result },
    value: amount[unit],
  }));
}

function plain(distribution: Distribution): DistributionSample {
  return { labels: {}, distribution };
}
