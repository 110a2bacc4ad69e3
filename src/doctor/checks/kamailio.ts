import type { Facts } from "../facts.ts";
import { type CheckId, failure, type Finding, good, skipped, warning } from "../finding.ts";
import type { ScriptView } from "../kamailio/script.ts";
import {
  commandsText,
  namesInstance,
  peersOf,
  peerText,
  remotePeers,
  socketText,
  type Subject,
  subjectsOf,
} from "../kamailio/subjects.ts";

/** A Kamailio whose configuration can be read and has to do with the relay. */
interface User extends Subject {
  readonly view: ScriptView;
}

/** Those that use the module; a finding each for those of which nothing can be said. */
function usersOf(facts: Facts, id: CheckId): {
  readonly users: readonly User[];
  readonly skips: readonly Finding[];
} {
  const subjects = subjectsOf(facts);
  const skips = subjects.flatMap(({ name, process, script: { view } }) => {
    if (view.ok) return [];
    return [skipped(id, process ? `${name}: ${view.error}` : view.error)];
  });
  const users = subjects.flatMap((subject) => {
    const { view } = subject.script;
    return view.ok && view.value.usesModule ? [{ ...subject, view: view.value }] : [];
  });
  return { users, skips };
}

/** What is to be said where no configuration uses the module. */
function withoutUsers(facts: Facts, id: CheckId): Finding {
  const remote = remotePeers(facts);
  const [far] = remote;
  if (far) return good(id, `${remoteText(remote)}: its kamailio.cfg is there`);
  const [near] = peersOf(facts) ?? [];
  if (near) {
    // That is proof enough of the sockets, and says nothing of the rest.
    const make = id === "kamailio.socket" ? good : skipped;
    return make(
      id,
      `commands come (the last one ${peerText(near)}), of a Kamailio that is not seen here`,
    );
  }
  const [subject] = subjectsOf(facts);
  if (subject) return good(id, `${subject.name} does not use the module lrkproxy`);
  const { installed } = facts.kamailio;
  return installed
    ? skipped(
      id,
      `Kamailio ${installed} is installed, its configuration is elsewhere: --kamailio FILE`,
    )
    : good(id, "there is no Kamailio on this machine, and no command has come");
}

function remoteText(remote: ReturnType<typeof remotePeers>): string {
  const who = remote.map((each) => `${each.address} (the last one ${peerText(each)})`);
  return `commands come from a Kamailio on another machine, ${who.join(", ")}`;
}

/** Does Kamailio know where the daemon is? */
export function checkKamailioSocket(facts: Facts): readonly Finding[] {
  const id = "kamailio.socket";
  const { users, skips } = usersOf(facts, id);
  if (users.length === 0) return skips.length > 0 ? skips : [withoutUsers(facts, id)];
  const remote = remotePeers(facts);
  return [
    ...skips,
    ...users.flatMap((user) => {
      const found = [
        ...setFindings(user),
        ...socketFindings(facts, user, users),
        ...outdatedFindings(id, user),
        ...earlyFindings(facts, user),
      ];
      const what = `${user.name}: names this daemon's control sockets; ${commandsText(facts)}`;
      return found.length > 0 ? found : [good(id, what)];
    }),
    ...remote.length > 0 ? [good(id, remoteText(remote))] : [],
  ];
}

function setFindings({ name, view, script: { path } }: User): readonly Finding[] {
  if (view.selectsSet || view.hasForeignRoutes) return [];
  return [
    failure("kamailio.socket", `${name}: never calls set_lrkproxy_set()`, {
      why: "the module finds no engine: no command is ever sent",
      remedy: [`set_lrkproxy_set("0"); before every lrkproxy_manage() in ${path}`],
    }),
  ];
}

function outdatedFindings(
  id: CheckId,
  { name, process, script: { path } }: User,
): readonly Finding[] {
  if (!process?.isOutdated) return [];
  return [
    warning(id, `${name}: the file was changed after Kamailio had started`, {
      why:
        "what runs is the file as it was then; the lines here are about the one that is there now",
      remedy: [`restart Kamailio, so that it reads ${path}`],
    }),
  ];
}

/** A Kamailio that was there before the daemon, and has no addresses to open calls with as far as its commands show. */
function earlyFindings(facts: Facts, { name, process }: User): readonly Finding[] {
  const { daemon: { status }, clock: { nowMs } } = facts;
  const startedMs = process?.startedMs ?? null;
  if (!status.ok || startedMs === null) return [];
  const { uptimeSeconds, sessions, relay } = status.value;
  const peers = peersOf(facts) ?? [];
  const isEarly = startedMs < nowMs - (uptimeSeconds + 1) * 1000;
  const hasEnded = peers.some(({ close }) => close > 0);
  const ended = relay["ended"] as Readonly<Record<string, number>> | undefined;
  // A call that was here when it ended was opened by a Kamailio that knows the addresses.
  const hasOpened = peers.some(({ open }) => open > 0) || (ended?.["command"] ?? 0) > 0 ||
    sessions.unheard + sessions.active + sessions.stale > 0;
  if (!isEarly || !hasEnded || hasOpened) return [];
  return [
    warning(
      "kamailio.socket",
      `${name}: has ended calls since the daemon was started, after it, and opened none`,
      {
        why:
          "a Kamailio that finds no lrkproxy when it starts knows no addresses: SDP says port 0, and calls are silent",
        remedy: ["restart Kamailio, unless just nobody has answered yet"],
      },
    ),
  ];
}

function socketFindings(facts: Facts, user: User, users: readonly User[]): readonly Finding[] {
  const id = "kamailio.socket";
  const { config } = facts;
  if (!config.ok) return [];
  const { instances } = config.value;
  const { view: { sockets }, name, process } = user;
  const named = instances.filter((each) => namesInstance(facts, user, each));
  const remedy = remedyFor(user, instances.map(socketText).join(" "));
  const came = commandsText(facts);
  if (named.length === 0 && sockets.includes("?")) {
    return [warning(id, `${name}: cannot tell which control sockets it names; ${came}`, {
      why: "its lrkproxy_sock is put together where only Kamailio can evaluate it",
      remedy,
    })];
  }
  if (named.length === 0) {
    // Another one may well have another relay, and a file that nobody runs with may be an old one.
    const isAlone = !users.some((other) =>
      other !== user && other.process !== null &&
      instances.some((each) => namesInstance(facts, other, each))
    );
    const isCertain = isAlone && (process !== null || (peersOf(facts) ?? []).length === 0);
    const make = isCertain ? failure : warning;
    return [make(id, `${name}: lrkproxy_sock is ${sockets.join(" ") || "not set"}; ${came}`, {
      why: "this daemon never hears a command of it",
      remedy,
    })];
  }
  if (users.some((other) => other !== user)) return [];
  return instances.filter((each) => !named.includes(each)).map((each) =>
    warning(id, `${name}: does not name instance ${each.name}: ${socketText(each)}`, {
      why: "its ports are never used",
      remedy,
    })
  );
}

/** The line that names the daemon's sockets, where they are named now. */
function remedyFor({ process, view, script: { path } }: User, sockets: string): readonly string[] {
  const [define] = Object.entries(process?.defines ?? {}).filter(([, value]) =>
    view.sockets.some((socket) => value.includes(socket))
  );
  const line = define
    ? `in the command line of Kamailio, -A '${define[0]}="${sockets}"' in place of -A '${
      define.join("=")
    }'`
    : `modparam("lrkproxy", "lrkproxy_sock", "${sockets}") in ${path}${insteadOf(view)}`;
  return process ? [line, "restart Kamailio"] : [line];
}

/** Where the wrong value may stand: in a definition, as in the shipped configuration. */
function insteadOf({ sockets }: ScriptView): string {
  return sockets.length > 0 && !sockets.includes("?")
    ? ` or where it says ${sockets.join(" ")} now, such as #!trydef CONTROL of our kamailio.cfg`
    : "";
}

/** Is the module kept from what crashes it? */
export function checkGuards(facts: Facts): readonly Finding[] {
  const id = "kamailio.guard";
  const { users, skips } = usersOf(facts, id);
  if (users.length === 0) return skips.length > 0 ? skips : [withoutUsers(facts, id)];
  return [...skips, ...users.map(guardFinding)];
}

function guardFinding({ name, view, script: { path } }: User): Finding {
  const id = "kamailio.guard";
  if (view.hasForeignRoutes) {
    return skipped(id, `${name}: its routes are a program (cfgengine), which is not looked at`);
  }
  const { guards } = view;
  const missing = [
    ...guards.callId ? [] : ["Call-IDs of 49 characters and more"],
    ...guards.size ? [] : ["an SDP near 1 KB"],
    ...guards.address ? [] : ["host names and IPv6 in c="],
  ];
  if (missing.length === 0) return good(id, `${name}: keeps from the module what would crash it`);
  return failure(id, `${name}: lets ${missing.join(", ")} reach lrkproxy_manage()`, {
    why: "one such message takes all of Kamailio down",
    remedy: [
      `what lrkproxy.cfg beside our kamailio.cfg does (see README) before every lrkproxy_manage() in ${path}: SHOW_THE_MODULE, with NAME_CALL for the Call-ID`,
    ],
  });
}
