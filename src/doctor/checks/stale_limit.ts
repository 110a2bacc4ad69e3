import type { PeerView, StatusView } from "../../control/admin.ts";
import type { Facts } from "../facts.ts";
import { failure, type Finding, good, warning } from "../finding.ts";
import {
  namesInstance,
  peersOf,
  processText,
  remotePeers,
  type Subject,
  subjectsOf,
} from "../kamailio/subjects.ts";

const ID = "kamailio.stale_limit";
const SHORT_SILENCE_SECONDS = 60;

/** Kamailio 5 never says that a call has ended: does silence end it soon enough? */
export function checkStaleLimit(facts: Facts): readonly Finding[] {
  const { config, configPath, kamailio: { installed }, daemon: { status } } = facts;
  if (!config.ok) return [];
  const written = config.value.session.staleLimitSeconds;
  const staleLimitSeconds = status.ok ? status.value.staleLimitSeconds ?? written : written;
  if (staleLimitSeconds <= SHORT_SILENCE_SECONDS) {
    return [good(ID, `stale_limit is ${staleLimitSeconds} s, short enough for any Kamailio`)];
  }
  const advice = {
    why: "calls that have ended stay until then, and count as calls that are up",
    remedy: [
      ...written <= SHORT_SILENCE_SECONDS ? [] : [
        "lrkproxy.cfg beside our kamailio.cfg, which sends D in its place",
        `or [session] stale_limit : ${SHORT_SILENCE_SECONDS} in ${configPath}, which ends calls on hold of that length, too`,
      ],
      "lrkproxy reload",
    ],
  };
  const tail = `never sends D, and stale_limit is ${staleLimitSeconds} s`;
  const users = subjectsOf(facts).filter((subject) => isUser(facts, subject));
  const findings = users.flatMap(({ process, script: { view } }): readonly Finding[] => {
    if (!process) return [];
    const who = `${processText(process)}, which runs,`;
    const isMute = process.version?.startsWith("5.") && !(view.ok && view.value.endsCalls);
    return isMute
      ? [failure(ID, `${who} ${tail}`, advice)]
      : process.version
      ? [good(ID, `${who} says when calls end${countText(closes(facts))}`)]
      : [];
  });
  for (const peer of endlessPeers(facts)) {
    const what =
      `${peer.address} has sent ${peer.open} S and no D, and stale_limit is ${staleLimitSeconds} s`;
    findings.push(warning(ID, what, { ...advice, why: `Kamailio 5.6 does so: ${advice.why}` }));
  }
  if (findings.length > 0) return findings;
  const count = closes(facts);
  if (count > 0) return [good(ID, `whoever sends commands says when calls end${countText(count)}`)];
  const isUnknown = users.some(({ process }) => process !== null);
  if (installed?.startsWith("5.") && (isUnknown || (peersOf(facts) ?? []).length === 0)) {
    const seen = isUnknown ? "that of what runs cannot be read" : "none is seen to run";
    const what = `the kamailio in PATH is ${installed}, which ${tail} (${seen})`;
    return [warning(ID, what, advice)];
  }
  return [good(ID, "no Kamailio 5 is seen to run here, and no call has ended without D")];
}

/** Whether a Kamailio sends commands to this daemon, or may do so. */
function isUser(facts: Facts, subject: Subject): boolean {
  const { view } = subject.script;
  if (!view.ok) return true;
  if (!view.value.usesModule) return false;
  return view.value.sockets.includes("?") || facts.config.ok &&
      facts.config.value.instances.some((each) => namesInstance(facts, subject, each));
}

function closes({ daemon: { status } }: Facts): number {
  return status.ok ? status.value.control["close"] ?? 0 : 0;
}

function countText(count: number): string {
  return count > 0 ? ` (${count} D have come since the daemon started)` : "";
}

/** Peers on other machines that open calls and never end them, while calls end by silence. */
function endlessPeers(facts: Facts): readonly PeerView[] {
  const { status } = facts.daemon;
  if (!status.ok || silent(status.value) === 0) return [];
  return remotePeers(facts).filter(({ open, close }) => open > 0 && close === 0);
}

/** Calls that have fallen silent without an end: of a few, D may have been lost. */
function silent({ sessions, relay }: StatusView): number {
  const ended = relay["ended"] as Readonly<Record<string, number>> | undefined;
  return sessions.stale + (ended?.["silent"] ?? 0);
}
