import type { Inbox } from "./inbox.ts";
import { boundTo } from "./descriptors.ts";
import { Inheritance, SUCCESSOR_SUFFIX } from "./inheritance.ts";
import { acceptWaiting, type Stream } from "./raw_stream.ts";
import { MAX_REQUEST, parseRequest } from "./request.ts";

/** How long a peer on a UNIX stream may take to finish its request. */
const STREAM_PATIENCE_MS = 1000;

/** A UNIX stream control socket. */
export interface UnixOptions {
  /** Whose commands arrive here; asked for each of them. */
  readonly instance: string;
  readonly path: string;
  /** Permission bits of the socket's file. */
  readonly mode: number;
  /** Sockets of the daemon before this one. */
  readonly inheritance?: Inheritance;
  /** Whether somebody keeps the socket open for the next daemon, so that its file has to stay. */
  readonly isKept?: boolean;
}

/** An open control socket. To dispose of it is to leave it to whoever keeps it, or to retire it. */
export interface UnixServer extends AsyncDisposable {
  /** The descriptor of the listener. */
  readonly fd: number;
  /** Begin to answer; whoever has connected until then has waited. */
  start(): void;
  /** Close it for good and remove its file; whoever was let in is answered. */
  retire(): Promise<void>;
}

/** Answer requests on a UNIX stream socket until it is closed: one request a connection. */
export async function serveUnix(inbox: Inbox, options: UnixOptions): Promise<UnixServer> {
  const server = await openUnix(inbox, options);
  server.start();
  return server;
}

/** Open a UNIX stream socket to answer requests on. Throws if there can be none. */
export async function openUnix(inbox: Inbox, options: UnixOptions): Promise<UnixServer> {
  const { path, inheritance = new Inheritance() } = options;
  const predecessors = inheritance.unix(path);
  const { listener, fd } = await openListener(options, predecessors.length > 0);
  const served = new Set<Promise<void>>();
  const serve = (connection: Stream): void => {
    const over = serveConnection(inbox, options.instance, connection)
      .finally(() => served.delete(over));
    served.add(over);
  };
  let inherited: AsyncDisposable | null = null;
  let done = Promise.resolve();
  const close = async (isForGood: boolean): Promise<void> => {
    await inherited?.[Symbol.asyncDispose]();
    listener.close();
    await done;
    // Those who were let in are answered; who was not waits for the next daemon, if there is one.
    await Promise.all(served);
    if (isForGood) await Deno.remove(path).catch(() => {});
  };
  return {
    fd,
    start() {
      inherited = inheritance.passOn(predecessors, (each) => acceptWaiting(each).forEach(serve));
      done = (async () => {
        for await (const connection of listener) serve(connection);
      })();
    },
    retire: () => close(true),
    [Symbol.asyncDispose]: () => close(!options.isKept),
  };
}

/**
 * Listen at a name beside the socket's own and then take that: a predecessor's socket is replaced at
 * one stroke, and Deno, which removes the file it has made when it closes, finds none.
 */
async function openListener(
  { path, mode }: UnixOptions,
  hasPredecessor: boolean,
): Promise<{ readonly listener: Deno.UnixListener; readonly fd: number }> {
  if (!hasPredecessor) await removeDeadSocket(path);
  const first = `${path}${SUCCESSOR_SUFFIX}`;
  await removeDeadSocket(first);
  const others = boundTo(first);
  const listener = Deno.listen({ transport: "unix", path: first });
  const fd = boundTo(first).find((each) => !others.includes(each));
  if (fd === undefined) throw new Error(`Cannot find the socket just opened at ${path}`);
  await Deno.chmod(first, mode);
  await Deno.rename(first, path);
  return { listener, fd };
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
  connection: Stream,
): Promise<void> {
  const impatience = setTimeout(() => connection.close(), STREAM_PATIENCE_MS);
  try {
    const bytes = await readRequest(connection);
    const reply = await new Promise<Uint8Array<ArrayBuffer> | null>((answer) => {
      inbox.take({ instance, bytes, framing: "bare", answer });
    });
    if (reply && reply.length > 0) await connection.write(reply);
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
async function readRequest(connection: Stream): Promise<Uint8Array> {
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
