import ipaddr from "ipaddr.js";
import { formatIpv4 } from "../../base/ipv4.ts";
import { duration } from "../../cli/output.ts";
import type { InstanceConfig } from "../../config/config.ts";
import type { PeerView } from "../../control/admin.ts";
import type { Facts, KamailioProcess, KamailioScript } from "../facts.ts";

/** A kamailio.cfg that is looked at, and who runs with it. */
export interface Subject {
  /** `Kamailio 6.0.1 (pid 7), /k.cfg`, or the file alone, which says so. */
  readonly name: string;
  /** Null for a file that nobody is seen to run with. */
  readonly process: KamailioProcess | null;
  readonly script: KamailioScript;
}

/** `Kamailio 6.0.1 (pid 7)`. */
export function processText({ version, pid }: KamailioProcess): string {
  return `Kamailio ${version ?? "of unknown version"} (pid ${pid})`;
}

/** What runs here and may be this daemon's; and the file that --kamailio names, if it is asked for. */
export function subjectsOf(facts: Facts): readonly Subject[] {
  const { running, file } = facts.kamailio;
  const own = running.map((process): Subject => {
    const { script } = process;
    return { name: `${processText(process)}, ${script.path}`, process, script };
  }).filter((subject) => subject.process?.sharesNetwork !== false || namesDaemon(facts, subject));
  const isKnown = own.some(({ script }) => script.path === file?.path);
  if (file === null || isKnown || own.length > 0 && !file.isAsked) return own;
  const reason = own.length > 0 ? "what runs is another one" : "no Kamailio is seen to run here";
  const name = `${file.path} (the file alone: ${reason})`;
  return [...own, { name, process: null, script: file }];
}

function namesDaemon(facts: Facts, subject: Subject): boolean {
  const { config } = facts;
  return config.ok && config.value.instances.some((each) => namesInstance(facts, subject, each));
}

/** Whether a Kamailio sends its commands to an instance, as far as its configuration says. */
export function namesInstance(facts: Facts, subject: Subject, instance: InstanceConfig): boolean {
  const { view } = subject.script;
  return view.ok &&
    view.value.sockets.some((socket) => isSocketOf(facts, subject, { instance, socket }));
}

const ANY = ["0.0.0.0", "::", "[::]"];

function isSocketOf(
  facts: Facts,
  { process }: Subject,
  { instance: { udp, unix }, socket }: {
    readonly instance: InstanceConfig;
    readonly socket: string;
  },
): boolean {
  if (socket.startsWith("unix:")) {
    const path = socket.slice("unix:".length);
    return unix !== null && (process?.unixSockets[path] ?? path) === unix.path;
  }
  if (!udp) return false;
  const [, host = "", port] = /^udp6?:(\[[^\]]*\]|[^:]*):(\d+)$/.exec(socket) ?? [];
  if (Number(port) !== udp.port) return false;
  const [theirs, ours] = [bare(host), bare(udp.host)];
  // 127.0.0.1 in another network is another machine's, so to say.
  if (process?.sharesNetwork === false && isLoopback(theirs)) return false;
  if (!ANY.includes(udp.host)) return theirs === ours;
  return !ipaddr.IPv4.isValid(theirs) || isLocal(facts, theirs);
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "").replace("localhost", "127.0.0.1");
}

function isLoopback(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() === "loopback";
}

/** Whether an address is one of this machine's. */
function isLocal({ addresses }: Facts, host: string): boolean {
  return isLoopback(host) || addresses.some(({ address }) => formatIpv4(address) === host);
}

/** A control socket as lrkproxy_sock has it. */
export function socketText({ udp, unix }: InstanceConfig): string {
  if (unix) return `unix:${unix.path}`;
  const host = ANY.includes(udp?.host ?? "") ? "127.0.0.1" : udp?.host ?? "";
  return host.includes(":") ? `udp6:[${host}]:${udp?.port}` : `udp:${host}:${udp?.port}`;
}

/** Who has sent commands; null where no daemon tells. */
export function peersOf({ daemon: { status } }: Facts): readonly PeerView[] | null {
  return status.ok ? status.value.peers ?? null : null;
}

/** Those that have sent commands from other machines. */
export function remotePeers(facts: Facts): readonly PeerView[] {
  return (peersOf(facts) ?? []).filter(({ address }) =>
    address !== "unix" && !isLocal(facts, address)
  );
}

/** What has come, as a part of a sentence: `last command 40 s ago, from 127.0.0.1`. */
export function commandsText(facts: Facts): string {
  const { status } = facts.daemon;
  const peers = peersOf(facts);
  if (!status.ok || peers === null) return "what has come is not known";
  const [last] = peers;
  if (!last) {
    return `no command has come in the ${
      duration(status.value.uptimeSeconds)
    } since the daemon started`;
  }
  return `last command ${peerText(last)}`;
}

/** `40 s ago, from 127.0.0.1`. */
export function peerText({ lastSeconds, address }: PeerView): string {
  const from = address === "unix" ? "over a UNIX socket" : `from ${address}`;
  return `${duration(lastSeconds)} ago, ${from}`;
}
