import { formatIpv4 } from "../base/ipv4.ts";
import type { OpenLog } from "../base/log.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Config, InstanceConfig } from "../config/config.ts";
import { addressWarnings, doubtsAbout, type OwnAddress } from "../config/address_warnings.ts";
import { formatErrors, readConfig } from "../config/load.ts";
import type { ReloadView } from "../control/admin.ts";
import { changeText, configChanges } from "./config_changes.ts";
import type { Doors, Wish } from "./doors.ts";
import { isOutdated } from "./former_addresses.ts";
import { localNetwork } from "./media.ts";
import { settingsOf } from "./settings.ts";
import { backendOptions, type Parts } from "./wiring.ts";

/** Read the configuration file again and go by it; or go on as before, with the reason as the error. */
export type Reload = () => Promise<Result<ReloadView>>;

/** What a reload works on. */
export interface ReloadParts {
  readonly parts: Parts;
  readonly log: OpenLog;
  /** The configuration file. */
  readonly path: string;
  readonly doors: Doors;
  /** The doors that a configuration asks for. */
  readonly wishes: (config: Config) => readonly Wish[];
  /** Called once a new configuration is in force. */
  readonly onChange: () => void;
}

/** The one way to reload, for the signal and the command alike: one after the other, each logged. */
export function makeReload(reloading: ReloadParts): Reload {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const done = last.then(() => reloadOnce(reloading));
    last = done.catch(() => {});
    return done;
  };
}

async function reloadOnce(reloading: ReloadParts): Promise<Result<ReloadView>> {
  const { log, path } = reloading;
  const result = await applyFile(reloading);
  if (result.ok) {
    const { changes, notes, warnings = [] } = result.value;
    for (const change of changes) log.info(`Changed: ${change}`);
    // What is not served is told to the log by whoever looks for it.
    const notServed = reloading.doors.warnings();
    const told = [...notes, ...warnings].filter((note) => !notServed.includes(note));
    for (const note of told) log.warn(note);
    log.info("The configuration is reloaded", { file: path, changes: changes.length });
    return result;
  }
  // Log rotation must not wait for a file to be put right.
  log.reopen();
  const [first = "", ...more] = result.error.trimEnd().split("\n");
  log.error("The configuration stays as it was", { reason: first });
  for (const line of more) log.error("The configuration stays as it was", { reason: line });
  return result;
}

async function applyFile(reloading: ReloadParts): Promise<Result<ReloadView>> {
  const config = await readConfig(reloading.path);
  if (!config.ok) return err(formatErrors(config.error).trimEnd());
  try {
    return ok(await apply(reloading, config.value));
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

/**
 * All that can fail comes first, beside what is in force. Then the settings change at one instant,
 * and what is no longer wanted goes. Throws if it fails; all is as before then.
 */
async function apply(reloading: ReloadParts, config: Config): Promise<ReloadView> {
  const { parts, log, doors, wishes, onChange } = reloading;
  const before = parts.current.settings;
  const addresses = localNetwork().addresses;
  const settings = settingsOf(config, addresses, before);
  await using undo = new AsyncDisposableStack();
  const newLog = log.prepare(config.log);
  undo.defer(() => newLog.abort());
  const newDoors = await doors.prepare(wishes(config));
  undo.defer(() => newDoors.abort());
  const learns = config.session.learning === "once";
  if (learns && before.config.session.learning === "never") parts.sources.skip();
  parts.backend.reconfigure(backendOptions(settings));
  undo.move();

  parts.current.settings = settings;
  newLog.commit();
  const closed = newDoors.commit();
  onChange();
  await closed;
  const own = addresses.map((each) => ({ ...each, address: formatIpv4(each.address) }));
  return {
    changes: configChanges(before.config, config).map(changeText),
    notes: [
      ...newNotes(before.config, config),
      ...doors.warnings(),
      ...hints(parts, before.config, own),
    ],
    warnings: addressWarnings(config, own),
  };
}

function newNotes(before: Config, after: Config): readonly string[] {
  return after.notes.filter((note) => !before.notes.includes(note));
}

/** What a reload cannot do by itself. */
function hints(parts: Parts, before: Config, own: readonly OwnAddress[]): readonly string[] {
  const { backend, relay, config: after } = parts;
  const gone = before.instances.filter(({ name }) => !byName(after, name));
  const moved = after.instances.filter((instance) => {
    const was = byName(before, instance.name);
    return was && mediaText(was) !== mediaText(instance);
  });
  const room = backend.room();
  return [
    ...gone.flatMap(({ name }) => {
      const left = relay.parts.table.entries().filter(({ session }) => session.instance === name);
      const count = [...left].length;
      return count === 0 ? [] : [
        `The ${count} sessions of instance "${name}", which is gone, go on until they fall silent`,
      ];
    }),
    ...moved.flatMap((instance) => restartHint(parts, instance, own)),
    ...room < after.maxSessions && before.maxSessions !== after.maxSessions
      ? [
        `The kernel's table has room for ${room} sessions: it is made anew at a restart that finds no ` +
        "call in it (lrkproxy stop --drop, when the calls are done)",
      ]
      : [],
  ];
}

/** What Kamailio goes on with, and what follows; nothing if all that are known go by the file already. */
function restartHint(
  { inbox, current: { settings } }: Parts,
  instance: InstanceConfig,
  own: readonly OwnAddress[],
): readonly string[] {
  const isBehind = isOutdated(inbox.peers, instance, settings);
  if (isBehind === false) return [];
  const who = isBehind ? "Kamailio" : "A Kamailio that has asked before";
  // What a restart of Kamailio would make of a mistake is worse than what there is.
  const cure = doubtsAbout(settings.config, instance, own).length > 0
    ? "correct the file first (see the warning), lrkproxy reload, and restart Kamailio only then"
    : "restart Kamailio, then lrkproxy";
  return [
    `${who} goes on with the old addresses and ports of instance "${instance.name}", which stay ` +
    `valid until lrkproxy is restarted: ${cure}`,
  ];
}

function byName({ instances }: Config, name: string): InstanceConfig | undefined {
  return instances.find((instance) => instance.name === name);
}

/** What Kamailio has been told by G. */
function mediaText({ internalIp, externalIp, startPort, endPort }: InstanceConfig): string {
  return [internalIp, externalIp, startPort, endPort].join(" ");
}
