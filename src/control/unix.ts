import type { Inbox } from "./inbox.ts";
import { MAX_REQUEST, parseRequest } from "./request.ts";

/** How long a peer on a UNIX stream may take to finish its request. */
const STREAM_PATIENCE_MS = 1000;

/** A UNIX stream control socket. */
export interface UnixOptions {
  readonly instance: string;
  readonly path: string;
  /** Permission bits of the socket's file. */
  readonly mode: number;
}

/** Answer requests on a UNIX stream socket until it is closed: one request a connection. */
export async function serveUnix(inbox: Inbox, options: UnixOptions): Promise<AsyncDisposable> {
  const { instance, path, mode } = options;
  await removeDeadSocket(path);
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, mode);
  const done = (async () => {
    for await (const connection of listener) void serveConnection(inbox, instance, connection);
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await done;
      await Deno.remove(path).catch(() => {});
    },
  };
}

/** Remove the socket file that a killed daemon left; one that somebody serves stays. */
export async function removeDeadSocket(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return await Deno.remove(path);
  }
  throw new Error(`Cannot listen on ${path}: another process serves it`);
}

/** Kamailio has no timeout on a stream: whatever happens, it gets an answer or a closed socket. */
async function serveConnection(
  inbox: Inbox,
  instance: string,
  connection: Deno.UnixConn,
): Promise<void> {
  const impatience = setTimeout(() => connection.close(), STREAM_PATIENCE_MS);
  try {
    const bytes = await readRequest(connection);
    const reply = await new Promise<Uint8Array | null>((answer) => {
      inbox.take({ instance, bytes, framing: "bare", answer });
    });
    if (reply) await connection.write(reply);
  } catch {
    // The peer hung up or was too slow; there is nobody left to tell.
  } finally {
    clearTimeout(impatience);
    try {
      connection.close();
    } catch {
      // It was closed for being slow.
    }
  }
}

/** Read until the bytes are a whole request, the peer has no more, or they are too many. */
async function readRequest(connection: Deno.UnixConn): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_REQUEST + 1);
  for (let length = 0;;) {
    const got = await connection.read(buffer.subarray(length));
    length += got ?? 0;
    const bytes = buffer.slice(0, length);
    const { verb } = parseRequest(bytes, "bare");
    const whole = verb !== "bad" && verb !== "none";
    if (got === null || whole || length === buffer.length) return bytes;
  }
}
