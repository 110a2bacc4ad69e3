import { type Endpoint, type Ipv4, maskOf, parseIpv4 } from "../base/ipv4.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Leg } from "./session.ts";

/** The fields of an S or D request as they stand in it; an unknown value is an empty string. */
export interface CallFields {
  readonly srcIp: string;
  readonly dstIp: string;
  readonly snatIp: string;
  readonly dnatIp: string;
  readonly srcPort: string;
  readonly dstPort: string;
  readonly snatPort: string;
  readonly dnatPort: string;
  readonly callId: string;
}

/** Why a call is not relayed; the words appear in the log, the counters and `lrkproxy status`. */
export type RefusalReason =
  | "malformed"
  | "not-our-address"
  | "forbidden-remote"
  | "collision"
  | "same-legs"
  | "full"
  | "kernel";

/** A refused call. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
}

/** What may be relayed, and under which addresses. */
export interface Admission {
  /** Advertised address (what SDP says) to the local address that carries it. */
  readonly localAddress: ReadonlyMap<string, Ipv4>;
  /** Whether a remote address must not be sent to, and why. */
  readonly forbidden: (remote: Ipv4) => string | null;
}

/** A call that may be relayed. */
export interface Call {
  readonly callId: string;
  readonly a: Leg;
  readonly b: Leg;
}

/** The longest Call-ID that arrives whole from Kamailio, which a record in the kernel has room for. */
export const MAX_CALL_ID = 120;

/**
 * Turn the fields of an S request into a call, or say why it must not be relayed. Of a call that is
 * `known`, an S may tell one party alone: empty fields leave what they would say as it is.
 */
export function admitCall(
  fields: CallFields,
  admission: Admission,
  known?: { readonly a: Leg; readonly b: Leg },
): Result<Call, Refusal> {
  const { callId } = fields;
  if (callId === "" || callId.length > MAX_CALL_ID) {
    return malformed(`Call-ID of ${callId.length} characters`);
  }
  const a = admitLeg(
    { remote: [fields.srcIp, fields.srcPort], local: [fields.snatIp, fields.snatPort] },
    admission,
    known?.a,
  );
  if (!a.ok) return a;
  const b = admitLeg(
    { remote: [fields.dnatIp, fields.dnatPort], local: [fields.dstIp, fields.dstPort] },
    admission,
    known?.b,
  );
  if (!b.ok) return b;
  return ok({ callId, a: a.value, b: b.value });
}

type EndpointText = readonly [ip: string, port: string];

interface LegText {
  readonly remote: EndpointText;
  readonly local: EndpointText;
}

function admitLeg(
  { remote, local }: LegText,
  admission: Admission,
  known: Leg | undefined,
): Result<Leg, Refusal> {
  const party = known && remote.every((field) => field === "")
    ? ok(known.remote)
    : admitRemote(remote, admission);
  if (!party.ok) return party;
  const socket = known && local[0] === "" ? ok(known.local) : admitLocal(local, admission);
  return socket.ok ? ok({ remote: party.value, local: socket.value }) : socket;
}

function admitRemote(text: EndpointText, admission: Admission): Result<Endpoint, Refusal> {
  const remote = parseEndpoint(text);
  if (!remote.ok) return malformed(remote.error);
  const { address } = remote.value;
  const why = address === 0 ? null : admission.forbidden(address);
  return why === null
    ? remote
    : err({ reason: "forbidden-remote", message: `${text[0]} is ${why}` });
}

function admitLocal([ip, portText]: EndpointText, admission: Admission): Result<Endpoint, Refusal> {
  const port = parsePort(portText);
  // RTCP needs the port above, and privileged ports are never media.
  if (port === null || port < 1024 || port > 65534) {
    return malformed(`relay port "${portText}"`);
  }
  const address = admission.localAddress.get(ip);
  return address === undefined
    ? err({ reason: "not-our-address", message: `"${ip}" is not a media address` })
    : ok({ address, port });
}

function parseEndpoint([ip, portText]: EndpointText): Result<Endpoint> {
  const address = parseIpv4(ip);
  if (!address.ok) return address;
  const port = parsePort(portText);
  return port === null || port === 65535
    ? err(`"${portText}" is not a media port`)
    : ok({ address: address.value, port });
}

/** A decimal port number of at most five digits, or null. */
export function parsePort(text: string): number | null {
  if (!/^[0-9]{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port <= 65535 ? port : null;
}

function malformed(message: string): { readonly ok: false; readonly error: Refusal } {
  return err({ reason: "malformed", message });
}

/** An IPv4 network. */
export interface Network {
  readonly address: Ipv4;
  readonly prefix: number;
}

/** What {@link forbiddenRemote} needs to know of the machine and the configuration. */
export interface RemotePolicy {
  /** Every address that media is relayed through, local or advertised. */
  readonly own: ReadonlySet<Ipv4>;
  /** Broadcast addresses of the machine's networks. */
  readonly broadcast: ReadonlySet<Ipv4>;
  /** Networks that the configuration refuses. */
  readonly refuse: readonly Network[];
}

/** Why media must not be sent to `remote`, or null: loops, and addresses that are no single host. */
export function forbiddenRemote(remote: Ipv4, policy: RemotePolicy): string | null {
  const top = remote >>> 24;
  if (policy.own.has(remote)) return "an address of the relay itself";
  if (top === 127) return "a loopback address";
  if (top === 0) return "not a host address";
  if (top >= 224 && top < 240) return "a multicast address";
  if (top >= 240 || policy.broadcast.has(remote)) return "a broadcast or reserved address";
  const refused = policy.refuse.some(({ address, prefix }) => {
    const mask = maskOf(prefix);
    return ((remote & mask) >>> 0) === ((address & mask) >>> 0);
  });
  return refused ? "in a refused network" : null;
}
