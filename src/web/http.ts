/*
 * As much of HTTP/1.1 as a scraper and a health check speak: one request a connection, no body. A
 * full server waits for clients without end and takes as many as come.
 */

/** What is asked. */
export interface WebRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
}

/** What is answered. */
export interface WebResponse {
  readonly status: 200 | 400 | 404 | 405 | 500 | 503;
  readonly type: string;
  readonly body: string;
}

const REASONS: Readonly<Record<WebResponse["status"], string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Where the head of a request ends; -1 while it is not complete. */
export function headLength(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    const next = bytes[at + 1] === 13 ? at + 2 : at + 1;
    if (bytes[next] === 10) return next + 1;
  }
  return -1;
}

/** Parse the head of a request; null if it is none. Its fields are not looked at. */
export function parseHead(head: string): WebRequest | null {
  const [, method, target] = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.[01]\r?\n/.exec(head) ?? [];
  if (method === undefined || target === undefined) return null;
  return { method, path: target.replace(/[?#].*$/, "") };
}

/** The bytes of a response. HEAD has the same head and no body. */
export function responseBytes(response: WebResponse, method: string): Uint8Array<ArrayBuffer> {
  const { status, type, body } = response;
  const bytes = new TextEncoder().encode(body);
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Content-Type: ${type}`,
    `Content-Length: ${bytes.length}`,
    "Cache-Control: no-store",
    ...(status === 405 ? ["Allow: GET, HEAD"] : []),
    "Connection: close",
    "\r\n",
  ].join("\r\n");
  const prefix = new TextEncoder().encode(head);
  if (method === "HEAD") return prefix;
  const whole = new Uint8Array(prefix.length + bytes.length);
  whole.set(prefix);
  whole.set(bytes, prefix.length);
  return whole;
}
