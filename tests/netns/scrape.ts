import type { Namespace } from "../../src/netns/namespaces.ts";

/** An answer over HTTP. */
export interface WebAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A metrics page: values by metric and labels, as the page writes them. */
export type Page = ReadonlyMap<string, number>;

/** Where to ask: a UNIX socket, or a port of a namespace's loopback. */
export type WebTarget = string | { readonly place: Namespace; readonly port: number };

/** Open a connection to a target. */
export async function connectTo(target: WebTarget): Promise<Deno.Conn> {
  if (typeof target === "string") return await Deno.connect({ transport: "unix", path: target });
  // The socket is made before the first wait, and so inside.
  const { place, port } = target;
  const box = place.run(() => ({ connection: Deno.connect({ hostname: "127.0.0.1", port }) }));
  return await box.connection;
}

/** Ask once, with GET unless another method is given. */
export async function ask(target: WebTarget, path: string, method = "GET"): Promise<WebAnswer> {
  using connection = await connectTo(target);
  await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`));
  const text = await new Response(connection.readable).text();
  const end = text.indexOf("\r\n\r\n");
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(text) ?? [];
  return { status: Number(status), head: text.slice(0, end), body: text.slice(end + 4) };
}

/** Read the metrics. */
export async function scrape(target: WebTarget): Promise<Page> {
  const { status, body } = await ask(target, "/metrics");
  if (status !== 200) throw new Error(`/metrics answers ${status}: ${body}`);
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at).replace(/^lrkproxy_/, ""), Number(line.slice(at + 1))];
  }));
}

/** The values of a page that have gone down, among those that may only grow. */
export function fallen(before: Page, after: Page): readonly string[] {
  return [...before].filter(([name, value]) =>
    /_(total|bucket|count|sum)(\{|$)/.test(name) && (after.get(name) ?? -1) < value
  ).map(([name, value]) => `${name}: ${value} > ${after.get(name)}`);
}
