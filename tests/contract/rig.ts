import { type Endpoint, parseIpv4 } from "../../src/base/ipv4.ts";
import type { Backend, GuardedRange, LearnedPort, Ledger } from "../../src/core/backend.ts";
import {
  flowKeyText,
  flowsOf,
  identityText,
  OPEN_LATCHES,
  type Session,
} from "../../src/core/session.ts";

/** A UDP packet of the suite. */
export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** An RTP packet unless it is given. */
  readonly payload?: Uint8Array;
}

/**
 * What somebody else does to the data path: delete all of it, empty the flows or the records, take
 * a rule away, take one element of a session away, or make something beside it.
 */
export type Vandalism = "table" | "flows" | "records" | "rule" | "element" | "unrelated";

/** A back end and the world that it works in. */
export interface Rig extends AsyncDisposable {
  readonly backend: Backend;
  /** How many sessions there is room for. */
  readonly capacity: number;
  /** Send a packet from a party to the relay; the answer is what reached any party of it. */
  send(packet: Packet): Required<Packet> | null;
  /** Leave the back end without a word, as a killed daemon does, and make another one. */
  restart(): Backend;
  vandalise(what: Vandalism, session: Session): void;
  /** Whether what "unrelated" made is still there. */
  hasUnrelated(): boolean;
}

/** One test of the contract. */
export interface ContractCase {
  readonly name: string;
  readonly run: (rig: Rig) => void | Promise<void>;
}

/** Parse `address:port`. */
export function at(text: string): Endpoint {
  const [ip = "", port] = text.split(":");
  const address = parseIpv4(ip);
  if (!address.ok) throw new Error(address.error);
  return { address: address.value, port: Number(port) };
}

/** The next port up, where RTCP runs. */
export function rtcp({ address, port }: Endpoint): Endpoint {
  return { address, port: port + 1 };
}

/** The same address, another port. */
export function withPort({ address }: Endpoint, port: number): Endpoint {
  return { address, port };
}

/** The parties, and the relay sockets that they talk to. */
export const CALLER = at("10.10.1.10:6000");
export const CALLEE = at("192.0.2.20:7000");
export const FOR_CALLER = at("10.10.1.1:20002");
export const FOR_CALLEE = at("192.0.2.1:20000");
/** Somebody on the caller's side with another address. */
export const STRANGER = at("10.10.1.66:6000");

/** What the relay guards in every rig. */
export const RANGES: readonly GuardedRange[] = [
  { address: FOR_CALLER.address, startPort: 20000, endPort: 29999 },
  { address: FOR_CALLEE.address, startPort: 20000, endPort: 29999 },
];

/** RTP with a payload that tells packets apart. */
export function rtpPacket(mark = 0): Uint8Array {
  return Uint8Array.of(0x80, 0, 0, mark, 0, 0, 0, 0, 0, 0, 0, 7, mark);
}

/** Bytes of an IP packet with this payload. */
export function ipBytes(payload: Uint8Array): number {
  return 28 + payload.length;
}

/** A session between {@link CALLER} and {@link CALLEE}, or a variant of it. */
export function makeSession(variant: Partial<Session> = {}): Session {
  return {
    instance: "default",
    callId: "call-1@test",
    createdMs: 1_700_000_000_000,
    a: { remote: CALLER, local: FOR_CALLER },
    b: { remote: CALLEE, local: FOR_CALLEE },
    latches: OPEN_LATCHES,
    ...variant,
  };
}

/** The n-th of many sessions of which no two have a flow in common. */
export function numberedSession(n: number): Session {
  const port = 20100 + 4 * (n % 2400);
  const step = 1000 + Math.floor(n / 2400);
  return makeSession({
    callId: `many-${n}`,
    a: {
      remote: { ...CALLER, address: CALLER.address + step },
      local: withPort(FOR_CALLER, port + 2),
    },
    b: { remote: { ...CALLEE, address: CALLEE.address + step }, local: withPort(FOR_CALLEE, port) },
  });
}

/** The ports that a back end has heard since it was last asked. */
export function learnedBy(backend: Backend): readonly LearnedPort[] {
  return Iterator.from(backend.takeLearned()).toArray();
}

/** The ledger of these sessions alone. */
export function ledgerOf(...sessions: readonly Session[]): Ledger {
  const byKey = new Map(sessions.flatMap((session) => {
    return flowsOf(session).flatMap((flow) => flow ? [[flowKeyText(flow.key), session]] : []);
  }));
  const byIdentity = new Map(sessions.map((session) => [identityText(session), session]));
  return {
    sessions: () => sessions,
    owner: (key) => byKey.get(flowKeyText(key)),
    get: (session) => byIdentity.get(identityText(session)),
    isClosed: () => false,
  };
}
