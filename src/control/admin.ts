/**
 * What the command line asks a running daemon, and what it hears: one JSON object a line over a
 * UNIX stream, one question a connection. Fields are added, never renamed; `schema` says so.
 */

/** The version of all answers. */
export const SCHEMA = 1;

/** A question. */
export type AdminRequest =
  | { readonly command: "status" }
  | { readonly command: "sessions" }
  | { readonly command: "show"; readonly callId: string }
  | { readonly command: "drop"; readonly callId: string }
  | { readonly command: "stop"; readonly drop: boolean }
  | { readonly command: "reload" }
  | ({ readonly command: "path" } & PathRequest)
  | { readonly command: "drain"; readonly off: true }
  | ({ readonly command: "drain"; readonly off: false } & DrainOptions);

/** Which sessions are to take which way; `auto` leaves it to the configuration. */
export interface PathRequest {
  /** One call's, one instance's, or those of everybody, if neither is given. */
  readonly callId?: string;
  readonly instance?: string;
  readonly path: "nft" | "kmod" | "auto";
}

/** Where the sessions of a {@link PathRequest} are now. */
export interface PathView {
  readonly sessions: number;
  /** Those of which flows are in the kernel module. */
  readonly kmod: number;
  /** Why some of them could not be moved; null if all were. */
  readonly obstacle: string | null;
}

/** The ways that media take. */
export interface PathsView {
  /** `[kernel] mode`. */
  readonly mode: "nft" | "kmod" | "auto";
  /** What was said by hand, a line each. */
  readonly byHand: readonly string[];
  readonly packetsPerSecond: number;
  /** Of all CPUs' time; null where it is not known. */
  readonly softirqPercent: number | null;
  /** The kernel module; null while it cannot be used. */
  readonly kmod: {
    readonly sessions: number;
    readonly flows: number;
    readonly room: number;
    readonly dropped: Readonly<Record<string, number>>;
    readonly left: Readonly<Record<string, number>>;
  } | null;
  /** Why new sessions do not go to the kernel module; null if they do. */
  readonly reason: string | null;
}

/** How to drain. */
export interface DrainOptions {
  /** Stop after so long, whatever calls are left; null to wait for all of them. */
  readonly timeoutSeconds: number | null;
  /** Wait at least so long, for calls that ring have no session yet. */
  readonly ringSeconds: number;
}

/** A daemon that takes no new calls and stops when the last one has ended. */
export interface DrainView {
  /** Since when. */
  readonly seconds: number;
  /** Calls that are up; those that have fallen silent do not count. */
  readonly callsLeft: number;
  /** Seconds until it stops in any case; null if it waits for all calls. */
  readonly stopsInSeconds: number | null;
}

/** What a reload has done. */
export interface ReloadView {
  /** What is different now, a line each. */
  readonly changes: readonly string[];
  /** What the operator should know of it, a line each. */
  readonly notes: readonly string[];
  /** What this machine's addresses say against the file, a line each; older daemons do not say. */
  readonly warnings?: readonly string[];
}

/** RTP or RTCP from one party. */
export interface FlowView {
  /** Where the packets really come from; null while nobody was heard. */
  readonly source: string | null;
  /** `open`: takes any port; `locked`; `contested`: locked, but a new S lets another take over. */
  readonly latch: "open" | "locked" | "contested";
  readonly packets: number;
  readonly bytes: number;
  /** The last packet came this long ago or longer; null for never. */
  readonly ageSeconds: number | null;
  /** It came no longer ago than this: counts are read now and then, those of a quiet flow seldom. */
  readonly ageAtMostSeconds: number | null;
}

/** One party of a session. */
export interface PartyView {
  /** `address:port` of SDP. */
  readonly signalled: string;
  readonly onHold: boolean;
  /** The relay socket that the party talks to. */
  readonly relay: string;
  readonly rtp: FlowView;
  readonly rtcp: FlowView;
}

/** A session. */
export interface SessionView {
  readonly callId: string;
  readonly instance: string;
  readonly state: "unheard" | "active" | "stale";
  /** `kmod` if flows of it are in the kernel module, else `nft`. */
  readonly path: string;
  /** Why not all of its flows are in the kernel module; null if they are. */
  readonly pathReason: string | null;
  readonly createdMs: number;
  readonly ageSeconds: number;
  readonly caller: PartyView;
  readonly callee: PartyView;
}

/**
 * RTP of one party by its sequence numbers (RFC 3550, A.3), as the kernel module counts it: since the
 * flow went there.
 */
export interface LossView {
  readonly party: "caller" | "callee";
  /** Packets that were sent, and those of them that have not come. */
  readonly sent: number;
  readonly lost: number;
}

/** Somebody whose packets to one of the session's relay sockets were dropped. */
export interface StrangerView {
  readonly from: string;
  readonly to: string;
  readonly packets: number;
}

/** What the kernel would do with a packet that is relayed to a party, and with that party's own. */
export interface WayView {
  readonly to: "caller" | "callee";
  /** The relay's address that the packet carries, and the party's address that it goes to. */
  readonly from: string;
  readonly address: string;
  /** The interface that it leaves by; null if there is none. */
  readonly link: string | null;
  /** Why there is no way, in the kernel's words; null if there is one. */
  readonly refusal: string | null;
  /** The router that it goes to; null if the party is on the link itself. */
  readonly nextHop: string | null;
  /** Whether the next hop has been asked for its hardware address in vain. */
  readonly isNextHopSilent: boolean;
  /** The largest packet that the way takes; null if not known. */
  readonly mtu: number | null;
  /** Packets of the last minutes that were too large for the way, whose sender has been told, and what fits. */
  readonly tooBigPackets: number;
  readonly fitsBytes: number | null;
}

/** A session and why it is as it is. */
export interface SessionReport {
  readonly session: SessionView;
  readonly strangers: readonly StrangerView[];
  /** What is known of RTP that was lost on its way to the relay. */
  readonly loss: readonly LossView[];
  /** The ways of its packets behind the relay; empty where nobody has looked. */
  readonly ways: readonly WayView[];
  /** Sentences for an operator. */
  readonly findings: readonly string[];
}

/** One media instance. */
export interface InstanceView {
  readonly name: string;
  readonly control: readonly string[];
  readonly internal: string;
  readonly external: string;
  readonly ports: string;
  /** Ports of the range, RTP and RTCP, that belong to sessions which are not stale. */
  readonly portsInUse: number;
  readonly nextPort: number;
  /** Sessions that are not stale, and how many the range has room for at four ports each. */
  readonly calls: number;
  readonly room: number;
}

/** Who sends commands. */
export interface PeerView {
  readonly instance: string;
  /** `unix` for the instance's UNIX socket. */
  readonly address: string;
  /** Since its last command. */
  readonly lastSeconds: number;
  /** Since it has asked for addresses and ports (G); null if it has not since the start. */
  readonly configSeconds: number | null;
  /**
   * The addresses that it gives out, by its last G, and since when (milliseconds since 1970). One that has not
   * asked since the start has what was in force then, and null for the time. Null if nothing is known;
   * older daemons do not say.
   */
  readonly told?: {
    readonly internal: string;
    readonly external: string;
    readonly sinceMs: number | null;
  } | null;
  /** How many S and D have come; Kamailio 5.6 never sends D. */
  readonly open: number;
  readonly close: number;
}

/** How the daemon is. */
export interface StatusView {
  readonly version: string;
  readonly pid: number;
  /** [session] stale_limit as it is in force; older daemons do not say. */
  readonly staleLimitSeconds?: number;
  /** The configuration file, as the daemon was told; older daemons do not say. */
  readonly config?: string;
  readonly uptimeSeconds: number;
  readonly path: string;
  readonly paths: PathsView;
  readonly sessions: {
    readonly unheard: number;
    readonly active: number;
    readonly stale: number;
    /** Those of the unheard that have not been looked at since the daemon's start. */
    readonly unread: number;
  };
  /** Sessions with RTP of one party only, see `lrkproxy_sessions_one_way`; null where nothing shows it. */
  readonly oneWay: {
    readonly caller: number;
    readonly callee: number;
    /** Of so many that have been up for long enough to tell. */
    readonly of: number;
  } | null;
  readonly instances: readonly InstanceView[];
  readonly control: Readonly<Record<string, number>>;
  /** Who has sent commands since the start, the last one first; older daemons do not say. */
  readonly peers?: readonly PeerView[];
  readonly relay: Readonly<Record<string, unknown>>;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
  /** For each of the warnings, what cures it or shows more of it. */
  readonly remedies: readonly (readonly string[])[];
  readonly rssBytes: number;
  /** Null unless the daemon drains. */
  readonly drain: DrainView | null;
}

/** What comes back. */
export type AdminResponse =
  | { readonly schema: number; readonly error: string }
  | { readonly schema: number; readonly status: StatusView }
  | { readonly schema: number; readonly sessions: readonly SessionView[] }
  | {
    readonly schema: number;
    readonly reports: readonly SessionReport[];
    readonly drain: DrainView | null;
    /** The daemon's network namespace, as /proc names it; null if it cannot be read. */
    readonly namespace: string | null;
  }
  | { readonly schema: number; readonly drain: DrainView | null }
  | { readonly schema: number; readonly reload: ReloadView }
  | { readonly schema: number; readonly path: PathView }
  | { readonly schema: number; readonly dropped: number }
  | { readonly schema: number; readonly stopping: true };

/** The longest question; a longer one is not read. */
const MAX_REQUEST_BYTES = 8192;

/** A daemon that does not answer in this time is not there for us. */
const PATIENCE_MS = 10_000;

/** Ask a daemon. Throws what `Deno.connect` throws where there is none. */
export async function askDaemon(path: string, request: AdminRequest): Promise<AdminResponse> {
  using connection = await Deno.connect({ transport: "unix", path });
  const impatience = setTimeout(() => connection.close(), PATIENCE_MS);
  try {
    await writeLine(connection, request);
    const text = await new Response(connection.readable).text();
    if (text === "") throw new Error(`Cannot use ${path}: the daemon closed the connection`);
    return JSON.parse(text) as AdminResponse;
  } finally {
    clearTimeout(impatience);
  }
}

/** The text of an {@link AdminResponse} in pieces, for one that would be large as a whole. */
export type ResponseText = AsyncIterable<string>;

/** Answers one question. */
export type Answerer = (
  request: AdminRequest,
) => AdminResponse | ResponseText | Promise<AdminResponse>;

/** Answer questions on a UNIX socket, for its owner and group, until it is closed. */
export function serveAdmin(path: string, answer: Answerer): AsyncDisposable {
  const listener = Deno.listen({ transport: "unix", path });
  Deno.chmodSync(path, 0o660);
  const done = (async () => {
    for await (const connection of listener) void serveConnection(connection, answer);
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await done;
      await Deno.remove(path).catch(() => {});
    },
  };
}

async function serveConnection(connection: Deno.UnixConn, answer: Answerer): Promise<void> {
  try {
    const line = await readLine(connection);
    if (line === null) return;
    const response = await answer(JSON.parse(line) as AdminRequest);
    if (!(Symbol.asyncIterator in response)) return await writeLine(connection, response);
    for await (const piece of response) await writeText(connection, piece);
    await writeText(connection, "\n");
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await writeLine(connection, { schema: SCHEMA, error: message }).catch(() => {});
  } finally {
    connection.close();
  }
}

async function readLine(connection: Deno.UnixConn): Promise<string | null> {
  const buffer = new Uint8Array(MAX_REQUEST_BYTES);
  for (let length = 0; length < buffer.length;) {
    const got = await connection.read(buffer.subarray(length));
    if (got === null) return null;
    length += got;
    const end = buffer.subarray(0, length).indexOf(10);
    if (end >= 0) return new TextDecoder().decode(buffer.subarray(0, end));
  }
  return null;
}

async function writeLine(connection: Deno.UnixConn, value: unknown): Promise<void> {
  await writeText(connection, JSON.stringify(value) + "\n");
}

async function writeText(connection: Deno.UnixConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
