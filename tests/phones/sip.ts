/*
 * SIP messages as text (RFC 3261, 7): as much as phones in tests need. Pure.
 */

/** A request or a response. Header names keep their spelling; `header()` finds them in any case. */
export interface Message {
  readonly startLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Parse a datagram's text; null if it is no SIP message. */
export function parseMessage(text: string): Message | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [startLine = "", ...lines] = text.slice(0, end).split("\r\n");
  if (!/^SIP\/2\.0 \d{3} |^[A-Z]+ \S+ SIP\/2\.0$/.test(startLine)) return null;
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  return { startLine, headers, body: text.slice(end + 4) };
}

/** The message as it is sent. Content-Length is set to what the body has. */
export function formatMessage({ startLine, headers, body }: Message): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return [startLine, ...lines, `Content-Length: ${body.length}`, "", body].join("\r\n");
}

/** All values of a header, in their order. */
export function headers(message: Message, name: string): readonly string[] {
  return message.headers.filter(([each]) => each.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

/** The first value of a header. Throws if there is none. */
export function header(message: Message, name: string): string {
  const [value] = headers(message, name);
  if (value === undefined) throw new Error(`No ${name} in: ${message.startLine}`);
  return value;
}

/** The status of a response; 0 for a request. */
export function statusOf({ startLine }: Message): number {
  return Number(/^SIP\/2\.0 (\d+)/.exec(startLine)?.[1] ?? 0);
}

/** The method of a request, or of the request that a response answers. */
export function methodOf(message: Message): string {
  return statusOf(message) > 0
    ? header(message, "CSeq").split(" ")[1] ?? ""
    : message.startLine.split(" ")[0] ?? "";
}

/** The URI between angle brackets. */
export function uriIn(value: string): string {
  return /<([^>]+)>/.exec(value)?.[1] ?? value;
}
