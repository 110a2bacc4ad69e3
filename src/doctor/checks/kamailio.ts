import type { Config, InstanceConfig } from "../../config/config.ts";
import type { Facts } from "../facts.ts";
import { type CheckId, failure, type Finding, good, skipped, warning } from "../finding.ts";
import { parseScript, type ScriptView } from "../kamailio_cfg.ts";

/** What there is of Kamailio here; a finding where nothing can be said. */
function scriptOr(facts: Facts, id: CheckId): ScriptView | Finding {
  const { script, unreadable, version } = facts.kamailio;
  if (unreadable) return skipped(id, unreadable);
  if (!script) {
    return version
      ? skipped(id, `Kamailio ${version} is here, its configuration is elsewhere: --kamailio FILE`)
      : good(id, "there is no Kamailio on this machine");
  }
  const view = parseScript(script.text);
  return view.usesModule ? view : good(id, `${script.path} does not use the module lrkproxy`);
}

function isFinding(value: ScriptView | Finding): value is Finding {
  return "severity" in value;
}

/** Does Kamailio know where the daemon is? */
export function checkKamailioSocket(facts: Facts): readonly Finding[] {
  const id = "kamailio.socket";
  const view = scriptOr(facts, id);
  if (isFinding(view)) return [view];
  const { config, kamailio: { script } } = facts;
  const findings: Finding[] = [];
  const path = script?.path ?? "";
  if (!view.selectsSet) {
    findings.push(
      failure(id, `${path} never calls set_lrkproxy_set()`, {
        why: "the module finds no engine: no command is ever sent",
        remedy: [`set_lrkproxy_set("0"); before every lrkproxy_manage() in ${path}`],
      }),
    );
  }
  if (config.ok) findings.push(...socketFindings(config.value, view, path));
  return findings.length > 0 ? findings : [good(id, `${path} names this daemon's control sockets`)];
}

function socketFindings(
  { instances }: Config,
  { sockets }: ScriptView,
  path: string,
): readonly Finding[] {
  const id = "kamailio.socket";
  const named = (socket: string): boolean => instances.some((each) => isSocketOf(each, socket));
  const line = `modparam("lrkproxy", "lrkproxy_sock", "${instances.map(socketText).join(" ")}")`;
  if (sockets.includes("?")) {
    return [warning(id, `cannot tell which control sockets ${path} names`, {
      why: "its lrkproxy_sock is put together elsewhere",
      remedy: [line],
    })];
  }
  if (!sockets.some(named)) {
    return [failure(id, `lrkproxy_sock in ${path} is ${sockets.join(" ") || "not set"}`, {
      why: "this daemon never hears a command",
      remedy: [line],
    })];
  }
  return instances.filter((each) => !sockets.some((socket) => isSocketOf(each, socket))).map((
    each,
  ) =>
    warning(id, `${path} does not name instance ${each.name}: ${socketText(each)}`, {
      why: "its ports are never used",
      remedy: [line],
    })
  );
}

const ANY = ["0.0.0.0", "::", "[::]"];

function isSocketOf({ udp, unix }: InstanceConfig, socket: string): boolean {
  if (socket.startsWith("unix:")) return unix?.path === socket.slice("unix:".length);
  if (!udp) return false;
  const [, host = "", port] = /^udp6?:(\[[^\]]*\]|[^:]*):(\d+)$/.exec(socket) ?? [];
  const bare = (text: string): string =>
    text.replace(/^\[|\]$/g, "").replace("localhost", "127.0.0.1");
  return Number(port) === udp.port && (ANY.includes(udp.host) || bare(host) === bare(udp.host));
}

function socketText({ udp, unix }: InstanceConfig): string {
  if (unix) return `unix:${unix.path}`;
  const host = ANY.includes(udp?.host ?? "") ? "127.0.0.1" : udp?.host ?? "";
  return host.includes(":") ? `udp6:[${host}]:${udp?.port}` : `udp:${host}:${udp?.port}`;
}

/** Is the module kept from what crashes it? */
export function checkGuards(facts: Facts): Finding {
  const id = "kamailio.guard";
  const view = scriptOr(facts, id);
  if (isFinding(view)) return view;
  const { guards } = view;
  const path = facts.kamailio.script?.path ?? "";
  const missing = [
    ...guards.callId ? [] : ["Call-IDs of 49 characters and more"],
    ...guards.size ? [] : ["an SDP near 1 KB"],
    ...guards.address ? [] : ["host names and IPv6 in c="],
  ];
  if (missing.length === 0) return good(id, `${path} refuses what would crash the module`);
  return failure(id, `${path} lets ${missing.join(", ")} reach lrkproxy_manage()`, {
    why: "one such message takes all of Kamailio down",
    remedy: [
      `route[SAFE_FOR_THE_MODULE] of tests/acceptance/kamailio.cfg (see README) before every lrkproxy_manage() in ${path}`,
    ],
  });
}

const SHORT_SILENCE_SECONDS = 60;

/** Kamailio 5 never says that a call has ended: does silence end it soon enough? */
export function checkStaleLimit(
  { config, configPath, kamailio: { version } }: Facts,
): readonly Finding[] {
  const id = "kamailio.stale_limit";
  if (!config.ok) return [];
  if (version === null) return [good(id, "the version of Kamailio is not known here")];
  if (!version.startsWith("5.")) return [good(id, `Kamailio ${version} says when calls end`)];
  const { staleLimitSeconds } = config.value.session;
  if (staleLimitSeconds <= SHORT_SILENCE_SECONDS) {
    return [good(id, `Kamailio ${version}, stale_limit ${staleLimitSeconds} s`)];
  }
  return [
    failure(id, `Kamailio ${version} never sends D, and stale_limit is ${staleLimitSeconds} s`, {
      why: "ended calls keep their ports until then, and new calls get the same ones",
      remedy: [`[session] stale_limit : ${SHORT_SILENCE_SECONDS} in ${configPath}`],
    }),
  ];
}
