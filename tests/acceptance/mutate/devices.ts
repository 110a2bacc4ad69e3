/** The devices whose messages are mutated, and how their templates become messages. */
import { GATEWAYS } from "./gateways.ts";
import { split, withTrueLength } from "./message.ts";
import type { Parts } from "./message.ts";
import { PHONES } from "./phones.ts";

/** Templates as phones.ts explains them; each begins with an empty line, for the eye. */
export interface Device {
  readonly name: string;
  readonly invite: string;
  readonly answer: string;
  /** The SDP of the ACK, where the INVITE brings none. */
  readonly ack?: string;
  /** Rings with media, before it answers with the same ones. */
  readonly early?: boolean;
  /** "\r\n" unless it says otherwise. */
  readonly bodyLineEnd?: string;
}

/** A value for each name that stands in braces. */
export type Values = Readonly<Record<string, string>>;

export const DEVICES: readonly Device[] = [...PHONES, ...GATEWAYS];

/** Lines that only the callee can fill in, when the INVITE is there: one character that is no byte. */
export const VIA = "\u0101";
export const ROUTE = "\u0102";

function fill(template: string, values: Values): string {
  return template.replace(/\{([A-Z0-9]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`No value for "{${name}}"`);
    return value;
  });
}

/** A device's message, still in parts and not yet mutated. */
export function fillMessage(template: string, values: Values, bodyLineEnd = "\r\n"): Parts {
  const text = fill(template.slice(1), { VIA, ROUTE, LEN: "0", ...values });
  const parts = split(text);
  return withTrueLength({ ...parts, body: parts.body.replaceAll("\n", bodyLineEnd) });
}

/** The SDP that a device puts into its ACK, or "". */
export function fillAck(device: Device, values: Values): string {
  return fill(device.ack ?? "", values).replaceAll("\n", "\r\n");
}
