import { joinBytes } from "../base/bytes.ts";

/** What G tells Kamailio of a media instance. */
export interface EngineConfig {
  readonly startPort: number;
  readonly endPort: number;
  /** Where Kamailio is to begin counting. */
  readonly currentPort: number;
  /** Advertised addresses: what SDP will say. */
  readonly internalIp: string;
  readonly externalIp: string;
}

/** The address fields are 20 bytes long; without a NUL at the end Kamailio crashes. */
export const MAX_ADDRESS_TEXT = 19;
const ADDRESS_BYTES = 20;
const CONFIG_BYTES = 12 + 2 * ADDRESS_BYTES;

/** No bytes at all: Kamailio takes the engine out of its list until it answers P and G again. */
export const AWAY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** The answer to P; `cookie` is empty on a UNIX stream. */
export function pongReply(cookie: string): Uint8Array<ArrayBuffer> {
  return ascii(`${prefix(cookie)}P PONG`);
}

/** The answer to G: three little-endian numbers and two NUL-padded addresses. */
export function configReply(cookie: string, config: EngineConfig): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(body.buffer);
  view.setInt32(0, config.startPort, true);
  view.setInt32(4, config.endPort, true);
  view.setInt32(8, config.currentPort, true);
  body.set(addressText(config.internalIp), 12);
  body.set(addressText(config.externalIp), 12 + ADDRESS_BYTES);
  return joinBytes([ascii(`${prefix(cookie)}G `), body]);
}

/**
 * The answer to S and D: the request and two characters. Kamailio looks at the length alone; `ER`
 * is how to say no without keeping its worker waiting.
 */
export function verdictReply(request: Uint8Array, verdict: "OK" | "ER"): Uint8Array<ArrayBuffer> {
  return joinBytes([request, ascii(verdict)]);
}

function prefix(cookie: string): string {
  return cookie === "" ? "" : `${cookie} `;
}

function addressText(address: string): Uint8Array<ArrayBuffer> {
  if (address.length > MAX_ADDRESS_TEXT) {
    throw new RangeError(`The address "${address}" does not fit the reply to G`);
  }
  return ascii(address);
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
