import type { Config, InstanceConfig } from "../config/config.ts";
import type { GuardedRange } from "../core/backend.ts";
import type { Admission } from "../core/call.ts";
import { admissions, guardedRanges, type LocalAddress } from "./media.ts";

/** What the parts of a daemon go by, all of one configuration. */
export interface Settings {
  readonly config: Config;
  /**
   * Instances as former configurations of this process had them, where that matters to calls that
   * are up: their ports stay guarded, and Kamailio, which asks for addresses only when it starts,
   * may go on naming the old ones.
   */
  readonly former: readonly InstanceConfig[];
  /** By instance, also one that is gone: how its addresses have changed. */
  readonly addressed: ReadonlyMap<string, AddressHistory>;
  readonly admissions: ReadonlyMap<string, Admission>;
  readonly ranges: readonly GuardedRange[];
}

/** How an instance's addresses have changed. */
export interface AddressHistory {
  /** As it was when this process first had it: what a Kamailio goes by that has not asked since. */
  readonly first: InstanceConfig;
  /** Since when its present addresses are in force, in monotonic milliseconds. */
  readonly sinceMs: number;
}

/** Holds the settings in force. Whoever reads them asks each time; a reload replaces them whole. */
export interface Current {
  settings: Settings;
}

/**
 * The settings of a configuration on a machine with these addresses, in force from `nowMs` (monotonic
 * milliseconds) on, after `before` if there was one.
 */
export function settingsOf(
  config: Config,
  addresses: readonly LocalAddress[],
  before?: Settings,
  nowMs = performance.now(),
): Settings {
  const former = before ? formerInstances(config, before) : [];
  return {
    config,
    former,
    addressed: addressHistory(config, nowMs, before),
    admissions: admissions([...former, ...config.instances], config.session, addresses),
    ranges: guardedRanges([...config.instances, ...former]),
  };
}

/** The same settings on a machine that has other addresses by now. */
export function withAddresses(
  settings: Settings,
  addresses: readonly LocalAddress[],
): Settings {
  const { config, former } = settings;
  const instances = [...former, ...config.instances];
  return { ...settings, admissions: admissions(instances, config.session, addresses) };
}

/** An instance by its name, as it is or as it was last. */
export function instanceOf(
  { config, former }: Settings,
  name: string,
): InstanceConfig | undefined {
  const isNamed = (instance: InstanceConfig): boolean => instance.name === name;
  return config.instances.find(isNamed) ?? former.findLast(isNamed);
}

function formerInstances(config: Config, before: Settings): readonly InstanceConfig[] {
  const known = new Set(config.instances.map(mediaText));
  return [...before.former, ...before.config.instances].filter((instance) => {
    const text = mediaText(instance);
    return known.has(text) ? false : known.add(text);
  });
}

function addressHistory(
  { instances }: Config,
  nowMs: number,
  before?: Settings,
): ReadonlyMap<string, AddressHistory> {
  const history = new Map(before?.addressed);
  for (const instance of instances) {
    const { first = instance, sinceMs = nowMs } = history.get(instance.name) ?? {};
    const was = before?.config.instances.find(({ name }) => name === instance.name);
    const isSame = was !== undefined && addressText(was) === addressText(instance);
    history.set(instance.name, { first, sinceMs: isSame ? sinceMs : nowMs });
  }
  return history;
}

function addressText(
  { internalIp, externalIp, internalLocal, externalLocal }: InstanceConfig,
): string {
  return [internalIp, externalIp, internalLocal, externalLocal].join(" ");
}

/** What of an instance calls are bound to. */
function mediaText(instance: InstanceConfig): string {
  const { name, startPort, endPort } = instance;
  return [name, addressText(instance), startPort, endPort].join(" ");
}
