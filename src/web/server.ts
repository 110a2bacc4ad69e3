import { answerTo, type PageSources } from "./health.ts";
import { headLength, parseHead, responseBytes, type WebRequest, type WebResponse } from "./http.ts";

/** How long a client may take from connecting to having read its answer. */
const PATIENCE_MS = 5000;
/** Connections at one time; further ones are closed at once. */
const MOST_CONNECTIONS = 8;
/** The longest head of a request. */
const MOST_BYTES = 8192;
/** How long nobody is let in after the system had no file descriptor left for a connection. */
const ACCEPT_PAUSE_MS = 200;

/** Where to listen. A socket file's mode says who may connect. */
export type WebListen =
  | { readonly path: string; readonly mode: number }
  | { readonly host: string; readonly port: number };

/** An open server. */
export interface WebServer extends AsyncDisposable {
  /** Where it listens, as `address:port` or as a path. */
  readonly address: string;
}

/** Answer HTTP until the server is closed. `patienceMs` is for tests. */
export function serveWeb(
  listen: WebListen,
  sources: PageSources,
  patienceMs = PATIENCE_MS,
): WebServer {
  const listener = open(listen);
  const connections = new Set<Deno.Conn>();
  const take = (connection: Deno.Conn): void => {
    if (connections.size >= MOST_CONNECTIONS) return connection.close();
    connections.add(connection);
    void serveConnection(connection, sources, patienceMs)
      .finally(() => connections.delete(connection));
  };
  const done = acceptAll(listener, take);
  return {
    address: addressText(listener.addr),
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await done;
      for (const connection of connections) close(connection);
      if ("path" in listen) await Deno.remove(listen.path).catch(() => {});
    },
  };
}

function open(listen: WebListen): Deno.Listener {
  if ("host" in listen) return Deno.listen({ hostname: listen.host, port: listen.port });
  const listener = Deno.listen({ transport: "unix", path: listen.path });
  Deno.chmodSync(listen.path, listen.mode);
  return listener;
}

function addressText(address: Deno.Addr): string {
  if (address.transport === "unix") return address.path;
  if (address.transport !== "tcp") throw new Error(`Cannot serve HTTP over ${address.transport}`);
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

async function acceptAll(
  listener: Deno.Listener,
  take: (connection: Deno.Conn) => void,
): Promise<void> {
  for (;;) {
    try {
      take(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
    }
  }
}

/** Whatever the client does, its connection is closed when its time is up. */
async function serveConnection(
  connection: Deno.Conn,
  sources: PageSources,
  patienceMs: number,
): Promise<void> {
  const impatience = setTimeout(() => close(connection), patienceMs);
  try {
    const head = await readHead(connection);
    if (head === null) return;
    const request = parseHead(head);
    await writeAll(
      connection,
      responseBytes(await respond(request, sources), request?.method ?? "GET"),
    );
  } catch {
    // The client hung up or was too slow; there is nobody left to tell.
  } finally {
    clearTimeout(impatience);
    close(connection);
  }
}

/** A page that cannot be made must not look as if nobody was there. */
async function respond(request: WebRequest | null, sources: PageSources): Promise<WebResponse> {
  try {
    return await answerTo(request, sources);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: 500, type: "text/plain; charset=utf-8", body: `${reason}\n` };
  }
}

/** The head of a request, or what there is of it when it is too long; null if there is none. */
async function readHead(connection: Deno.Conn): Promise<string | null> {
  const buffer = new Uint8Array(MOST_BYTES);
  for (let length = 0; length < buffer.length;) {
    const got = await connection.read(buffer.subarray(length));
    if (got === null) return null;
    length += got;
    const end = headLength(buffer.subarray(0, length));
    if (end >= 0) return new TextDecoder().decode(buffer.subarray(0, end));
  }
  return "";
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed before, for being slow or with the server.
  }
}
