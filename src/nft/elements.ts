import type { Endpoint } from "../base/ipv4.ts";
import {
  type Flow,
  type FlowIndex,
  type FlowKey,
  flowOf,
  FLOWS,
  type Session,
} from "../core/session.ts";
import { hashCallId, recordText } from "./record.ts";

/** The name of a set or map of `nft/lrkproxy.nft` that holds pieces of sessions. */
export type SetName = "legs" | "open" | "held" | "sessions";

/** Every {@link SetName}. */
export const SET_NAMES: readonly SetName[] = ["legs", "open", "held", "sessions"];

/**
 * One element as it lies in the kernel: fields in network order, each padded to four bytes, written
 * here as big-endian words (a port is in a word's upper half).
 */
export interface Element {
  readonly set: SetName;
  readonly key: readonly number[];
  /** What a map maps the key to; null in a set. */
  readonly data: readonly number[] | null;
  /** The record of a session; null in the sets of flows. */
  readonly comment: string | null;
}

/** An element and the flow it is part of; null for the session's record. */
export interface SessionElement extends Element {
  readonly flow: FlowIndex | null;
}

/** A port as a word of a key. */
export function portWord(port: number): number {
  return (port << 16) >>> 0;
}

/** The port of a word. */
export function wordPort(word: number | undefined): number {
  return (word ?? 0) >>> 16;
}

/** Key of a flow in `open`, `held` and `learned`. */
export function flowWords({ remote, local }: FlowKey): readonly number[] {
  return [remote, local.address, portWord(local.port)];
}

/** Key of a flow in `legs`. */
export function legWords(key: FlowKey, remotePort: number): readonly number[] {
  return [key.remote, key.local.address, portWord(remotePort), portWord(key.local.port)];
}

/** Both ports share a word: the packet's port pair is then written at once, which costs less. */
function rewriteWords(source: Endpoint, destination: Endpoint): readonly number[] {
  return [source.address, destination.address, ((source.port << 16) | destination.port) >>> 0];
}

/** Text that is equal for elements of the same place. */
export function placeOf({ set, key }: Element): string {
  return `${set} ${key.join(" ")}`;
}

/** Whether two elements have the same {@link placeOf}. */
export function isSamePlace(one: Element, other: Element): boolean {
  return one.set === other.set && sameWords(one.key, other.key);
}

/** Whether two elements of the same place say the same. */
export function sameContent(one: Element, other: Element): boolean {
  return one.comment === other.comment && sameWords(one.data ?? NO_WORDS, other.data ?? NO_WORDS);
}

/** Whether two keys or values are the same. */
export function sameWords(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

const NO_WORDS: readonly number[] = [];

/** The key of a session's record. */
export function recordWords(session: Session): readonly number[] {
  const { a, b, callId } = session;
  return [
    b.local.address,
    portWord(b.local.port),
    a.local.address,
    portWord(a.local.port),
    hashCallId(callId),
  ];
}

/** Every element that a session consists of. */
export function elementsOf(session: Session): readonly SessionElement[] {
  const elements = [recordElement(session)];
  for (const flow of FLOWS) elements.push(...flowElements(session, flow));
  return elements;
}

/** The record of a session. */
export function recordElement(session: Session): SessionElement {
  const key = recordWords(session);
  return { set: "sessions", key, data: null, comment: recordText(session), flow: null };
}

/** The elements of one flow: the locked port, the open flow, or both while a port is contested. */
export function flowElements(session: Session, index: FlowIndex): readonly SessionElement[] {
  const flow = flowOf(session, index);
  return flow ? elementsOfFlow(flow).map((element) => ({ ...element, flow: index })) : [];
}

/** The elements of a flow, the one first that counts what came from the locked port. */
export function elementsOfFlow({ key, latch, rewrite }: Flow): readonly Element[] {
  const common = { comment: null };
  if (!rewrite) return [{ ...common, set: "held", key: flowWords(key), data: null }];
  const data = rewriteWords(rewrite.source, rewrite.destination);
  const elements: Element[] = [];
  if (latch.locked !== 0) {
    elements.push({ ...common, set: "legs", key: legWords(key, latch.locked), data });
  }
  if (latch.open) elements.push({ ...common, set: "open", key: flowWords(key), data });
  return elements;
}
