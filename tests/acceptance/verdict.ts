/**
 * What two rtp_peers saw of the same calls, turned into checks: pure, so that it can be tested
 * that a broken relay is called broken.
 */

/** One stream (RTP or RTCP) as one side counted it; see rtp_track.h. */
export interface Track {
  readonly sent: number;
  readonly probesSent: number;
  readonly sendErrors: number;
  readonly received: number;
  readonly unique: number;
  readonly duplicate: number;
  readonly reordered: number;
  readonly wrongSource: number;
  readonly foreign: number;
  readonly malformed: number;
  readonly probes: number;
  readonly lowest: number;
  readonly highest: number;
  readonly firstTxMs: number;
  readonly lastTxMs: number;
  readonly firstRxMs: number;
  readonly lastRxMs: number;
  readonly longestGapMs: number;
  readonly delayMaxMs: number;
}

/** One call as one side saw it. */
export interface CallReport {
  readonly call: string;
  readonly local: string;
  readonly relay: string;
  readonly over: boolean;
  /** When this side stopped its media; the caller then sends BYE. */
  readonly stoppedMs: number;
  readonly rtp: Track;
  readonly rtcp: Track;
}

export interface SideReport {
  readonly calls: readonly CallReport[];
  readonly badCommands: number;
}

/** What the run was meant to be. */
export interface Expectation {
  readonly calls: number;
  /** The relays whose addresses the caller and the callee must find in their SDP. */
  readonly relays: readonly { readonly forCaller: string; readonly forCallee: string }[];
  readonly firstPort: number;
  readonly lastPort: number;
  /**
   * `steady`: every packet arrives. `learning`: the first packets may be lost until the relay has
   * heard the caller's real port. `moving`: a re-INVITE may interrupt, but not for long.
   */
  readonly media: "steady" | "learning" | "moving";
  /** Whether the relay has confirmed the end of a call before the BYE goes on, or is just told. */
  readonly ending: "confirmed" | "told";
}

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Packets on their way while the BYE is handled are lost without fault of the relay. */
const HANG_UP_PACKETS = 2;
const TWO_WAY_WITHIN_MS = 500;
/** What rtp_peer sends at. */
const RTP_INTERVAL_MS = 20;
const RTCP_INTERVAL_MS = 500;
/** A counter race in Kamailio's module may pass the range's end by three. */
const PORT_OVERRUN = 3;

interface Pair {
  readonly caller: CallReport;
  readonly callee: CallReport;
}

/** All checks of a run, in the order in which a reader wants them. */
export function judge(caller: SideReport, callee: SideReport, expected: Expectation): Check[] {
  const pairs = pairUp(caller, callee);
  return [
    checkCalls(caller, callee, pairs, expected),
    checkSdp(pairs, expected),
    checkStream("RTP caller to callee", streamsOf(pairs, "caller", "rtp"), expected),
    checkStream("RTP callee to caller", streamsOf(pairs, "callee", "rtp"), expected),
    checkStream("RTCP caller to callee", streamsOf(pairs, "caller", "rtcp"), expected),
    checkStream("RTCP callee to caller", streamsOf(pairs, "callee", "rtcp"), expected),
    checkPurity(caller, callee),
    checkTwoWay(pairs),
    checkAfterBye(caller, callee, expected),
  ];
}

function pairUp(caller: SideReport, callee: SideReport): Pair[] {
  const byCall = new Map(callee.calls.map((report) => [report.call, report]));
  return caller.calls.flatMap((report) => {
    const other = byCall.get(report.call);
    return other === undefined ? [] : [{ caller: report, callee: other }];
  });
}

/** One direction of one call's RTP or RTCP. */
interface Stream {
  readonly kind: "rtp" | "rtcp";
  readonly from: Track;
  readonly to: Track;
  /** From here on packets may be lost: the BYE is on its way. */
  readonly hangUpMs: number;
}

function streamsOf(
  pairs: readonly Pair[],
  sender: "caller" | "callee",
  kind: "rtp" | "rtcp",
): Stream[] {
  return pairs.map((pair) => ({
    kind,
    from: pair[sender][kind],
    to: pair[sender === "caller" ? "callee" : "caller"][kind],
    hangUpMs: pair.caller.stoppedMs,
  }));
}

function checkCalls(
  caller: SideReport,
  callee: SideReport,
  pairs: readonly Pair[],
  expected: Expectation,
): Check {
  const over = pairs.filter((pair) => pair.caller.over && pair.callee.over).length;
  const bad = caller.badCommands + callee.badCommands;
  return {
    name: "calls answered and hung up",
    ok: over === expected.calls && caller.calls.length === over && callee.calls.length === over &&
      bad === 0,
    detail: `${over} of ${expected.calls}` +
      (bad === 0 ? "" : `, ${bad} commands refused by rtp_peer`),
  };
}

function checkSdp(pairs: readonly Pair[], expected: Expectation): Check {
  const wrong = pairs.filter((pair) => !sdpIsRight(pair, expected));
  const ports = new Set(pairs.map((pair) => pair.callee.relay));
  const shared = pairs.length - ports.size;
  return {
    name: "SDP of both sides names the relay",
    ok: wrong.length === 0 && shared === 0,
    detail: wrong.length > 0
      ? `${wrong.length} wrong, first: ${describeSdp(wrong[0])}`
      : shared > 0
      ? `${shared} calls share a relay port with another`
      : expected.relays.map(({ forCaller, forCallee }) =>
        `${forCaller} for callers, ${forCallee} for callees`
      ).join("; "),
  };
}

function sdpIsRight(pair: Pair, expected: Expectation): boolean {
  const [callerIp, callerPort] = endpoint(pair.caller.relay);
  const [calleeIp, calleePort] = endpoint(pair.callee.relay);
  const isRelay = expected.relays.some(({ forCaller, forCallee }) =>
    callerIp === forCaller && calleeIp === forCallee
  );
  return isRelay && callerPort === calleePort + 2 && calleePort >= expected.firstPort &&
    callerPort <= expected.lastPort + PORT_OVERRUN;
}

function describeSdp(pair: Pair | undefined): string {
  return pair === undefined
    ? ""
    : `${pair.caller.call}: ${pair.caller.relay} and ${pair.callee.relay}`;
}

function endpoint(text: string): [string, number] {
  const colon = text.lastIndexOf(":");
  return [text.slice(0, colon), Number(text.slice(colon + 1))];
}

/** Every packet sent must have arrived once and in order, but for the few at hang-up. */
function checkStream(name: string, streams: readonly Stream[], expected: Expectation): Check {
  const sent = sum(streams, ({ from }) => from.sent);
  const arrived = sum(streams, ({ to }) => to.unique);
  const faults = [
    fault(sent === 0 ? 1 : 0, "nothing sent"),
    fault(streams.filter(({ to }) => to.unique === 0).length, "calls heard nothing"),
    ...lossFaults(streams, expected),
    fault(sum(streams, ({ to }) => to.duplicate), "doubled"),
    fault(sum(streams, ({ to }) => to.reordered), "out of order"),
    fault(sum(streams, ({ from }) => from.sendErrors), "could not be sent"),
  ].filter((text) => text !== "");
  return {
    name,
    ok: faults.length === 0,
    detail: [`${arrived} of ${sent} arrived`, ...faults].join(", "),
  };
}

/** "" if there is no such fault. */
function fault(count: number, what: string): string {
  return count === 0 ? "" : `${count} ${what}`;
}

function lossFaults(streams: readonly Stream[], expected: Expectation): string[] {
  const heard = streams.map(({ to }) => to).filter((to) => to.unique > 0);
  const silent = streams.filter(fellSilent).length;
  const early = expected.media === "steady" ? sum(heard, (to) => to.lowest) : 0;
  const late = Math.max(0, ...streams.map(lostAtHangUp));
  return [
    fault(early, "lost at the start"),
    expected.media === "moving"
      ? fault(silent, "calls fell silent")
      : fault(sum(heard, (to) => to.highest - to.lowest + 1 - to.unique), "lost in mid-call"),
    fault(late > HANG_UP_PACKETS ? late : 0, "lost at the end of a call"),
  ];
}

/** RTCP comes too rarely to tell. */
function fellSilent({ kind, to }: Stream): boolean {
  return kind === "rtp" && to.longestGapMs > TWO_WAY_WITHIN_MS;
}

/** Lost at the end, but for what was sent after the caller hung up and before the callee knew. */
function lostAtHangUp({ kind, from, to, hangUpMs }: Stream): number {
  const intervalMs = kind === "rtp" ? RTP_INTERVAL_MS : RTCP_INTERVAL_MS;
  const sentLate = Math.max(0, Math.ceil((from.lastTxMs - hangUpMs) / intervalMs));
  const tail = to.unique === 0 ? from.sent : from.sent - 1 - to.highest;
  return Math.max(0, tail - sentLate);
}

function checkPurity(caller: SideReport, callee: SideReport): Check {
  const tracks = tracksOf(caller, callee);
  const source = sum(tracks, (track) => track.wrongSource);
  const foreign = sum(tracks, (track) => track.foreign);
  const broken = sum(tracks, (track) => track.malformed);
  return {
    name: "only the relay's packets, only the call's own",
    ok: source + foreign + broken === 0,
    detail: `${source} from a wrong source, ${foreign} of another call, ${broken} broken`,
  };
}

/** Counted from the moment when both sides were sending. */
function checkTwoWay(pairs: readonly Pair[]): Check {
  const waits = pairs.map((pair) => {
    const both = Math.max(pair.caller.rtp.firstTxMs, pair.callee.rtp.firstTxMs);
    const heard = [pair.caller.rtp.firstRxMs, pair.callee.rtp.firstRxMs];
    return heard.includes(0) ? Infinity : Math.max(...heard) - both;
  });
  const worst = Math.max(0, ...waits);
  return {
    name: "two-way media",
    ok: pairs.length > 0 && worst <= TWO_WAY_WITHIN_MS,
    detail: worst === Infinity ? "never in some call" : `within ${worst.toFixed(0)} ms`,
  };
}

function checkAfterBye(caller: SideReport, callee: SideReport, { ending }: Expectation): Check {
  const tracks = tracksOf(caller, callee);
  const sent = sum(tracks, (track) => track.probesSent);
  const relayed = sum(tracks, (track) => track.probes);
  const most = Math.max(...tracks.map((track) => track.probes));
  return {
    name: "nothing relayed after the BYE",
    ok: sent > 0 && most <= (ending === "told" ? HANG_UP_PACKETS : 0),
    detail: `${relayed} of ${sent} packets sent after it`,
  };
}

function tracksOf(caller: SideReport, callee: SideReport): Track[] {
  return [...caller.calls, ...callee.calls].flatMap((report) => [report.rtp, report.rtcp]);
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}
