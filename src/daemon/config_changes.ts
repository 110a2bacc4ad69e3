import { hostText } from "../base/cidr.ts";
import type { Config, InstanceConfig } from "../config/config.ts";

/** One difference between two configurations; null for what was not there, or is no more. */
export interface ConfigChange {
  /** `[section] key`, or the section of an instance. */
  readonly what: string;
  readonly before: string | null;
  readonly after: string | null;
}

type TextOf<T> = (from: T) => string;

const networks = (list: readonly { readonly text: string }[]): string =>
  list.length > 0 ? list.map(({ text }) => text).join(" ") : "nothing";

const modeText = (mode: number): string => mode.toString(8).padStart(4, "0");

const listenText: TextOf<Config["metrics"]["listen"]> = (listen) => {
  if (listen === null) return "nowhere";
  return "path" in listen ? listen.path : `${hostText(listen.host)}:${listen.port}`;
};

/** Every setting that belongs to no instance. A reload applies each of them. */
const SETTINGS: readonly (readonly [what: string, text: TextOf<Config>])[] = [
  ["[kernel] interfaces", ({ interfaces }) => [interfaces].flat().join(" ")],
  ["[kernel] max_sessions", ({ maxSessions }) => `${maxSessions}`],
  ["[kernel] mode", ({ paths }) => paths.mode],
  ["[kernel] promote_rate", ({ paths }) => `${paths.thresholds.packetsPerSecond}`],
  ["[kernel] promote_softirq", ({ paths }) => `${paths.thresholds.softirqPercent}`],
  ["[UDP socket] allow", ({ controlAllow }) => networks(controlAllow)],
  ["[UDP socket] receive_buffer", ({ receiveBufferBytes }) => `${receiveBufferBytes}`],
  ["[admin] socket", ({ adminSocket }) => adminSocket],
  ["[metrics] listen", ({ metrics: { listen } }) => listenText(listen)],
  [
    "[metrics] mode",
    ({ metrics: { listen } }) => listen && "mode" in listen ? modeText(listen.mode) : "none",
  ],
  ["[session] timeout", ({ session }) => `${session.timeoutSeconds}`],
  ["[session] stale_limit", ({ session }) => `${session.staleLimitSeconds}`],
  ["[session] unheard_limit", ({ session }) => `${session.unheardLimitSeconds}`],
  ["[session] learning", ({ session }) => session.learning],
  ["[session] relearn_confirm", ({ session }) => `${session.relearnConfirmSeconds}`],
  ["[session] live_window", ({ session }) => `${session.liveWindowSeconds}`],
  ["[session] refuse", ({ session }) => networks(session.refuse)],
  ["[logger] log_to_console", ({ log }) => log.console ? "True" : "False"],
  ["[logger] log file", ({ log }) => log.file ?? "none"],
  ["[logger] log_level", ({ log }) => log.level],
  ["[logger] log_calls", ({ logCalls }) => logCalls ? "True" : "False"],
];

const INSTANCE: readonly (readonly [what: string, text: TextOf<InstanceConfig>])[] = [
  ["UDP control", ({ udp }) => udp ? `${udp.host}:${udp.port}` : "none"],
  ["UNIX control", ({ unix }) => unix ? unix.path : "none"],
  ["UNIX control mode", ({ unix }) => unix ? modeText(unix.mode) : "none"],
  ["internal_ip", ({ internalIp }) => internalIp],
  ["internal_local", ({ internalLocal }) => internalLocal],
  ["external_ip", ({ externalIp }) => externalIp],
  ["external_local", ({ externalLocal }) => externalLocal],
  ["ports", ({ startPort, endPort }) => `${startPort}-${endPort}`],
  ["current_port", ({ currentPort }) => `${currentPort}`],
];

/** What differs between two configurations, in the order of the sample file. */
export function configChanges(before: Config, after: Config): readonly ConfigChange[] {
  return [
    ...differences(SETTINGS, before, after),
    ...instanceChanges(before.instances, after.instances),
  ];
}

/** A change as a person reads it. */
export function changeText({ what, before, after }: ConfigChange): string {
  if (before === null) return `${what}: added (${after})`;
  return after === null ? `${what}: removed (${before})` : `${what}: ${before} -> ${after}`;
}

function instanceChanges(
  before: readonly InstanceConfig[],
  after: readonly InstanceConfig[],
): readonly ConfigChange[] {
  const names = [...new Set([...before, ...after].map(({ name }) => name))];
  return names.flatMap((name) => {
    const [was] = before.filter((instance) => instance.name === name);
    const [is] = after.filter((instance) => instance.name === name);
    const what = `instance ${name}`;
    if (!was || !is) {
      return [{ what, before: was ? summary(was) : null, after: is ? summary(is) : null }];
    }
    return differences(INSTANCE, was, is).map((change) => {
      return { ...change, what: `${what}, ${change.what}` };
    });
  });
}

function differences<T>(
  texts: readonly (readonly [what: string, text: TextOf<T>])[],
  before: T,
  after: T,
): readonly ConfigChange[] {
  return texts.map(([what, text]) => ({ what, before: text(before), after: text(after) }))
    .filter((change) => change.before !== change.after);
}

function summary(instance: InstanceConfig): string {
  const { udp, unix, internalIp, externalIp, startPort, endPort } = instance;
  const control = [udp && `udp:${udp.host}:${udp.port}`, unix && `unix:${unix.path}`];
  const doors = control.filter((door) => door !== null).join(" ");
  return `${doors}, ${internalIp} and ${externalIp}, ports ${startPort}-${endPort}`;
}
