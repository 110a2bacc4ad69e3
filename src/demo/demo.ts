import { pause } from "../base/loop.ts";
import type { TextOutput } from "../cli/args.ts";
import { SCHEMA } from "../control/admin.ts";
import { ADDRESSES, buildRelayNetwork, type RelayNetwork } from "../netns/namespaces.ts";
import { DemoEndpoint } from "./endpoint.ts";
import { type Check, checkLines, directions, directionTable } from "./report.ts";
import { type DemoRelay, startRelay } from "./scene.ts";

/** SDP says 6000; the caller's NAT makes 41000 of it, which the relay has to find out. */
const SIGNALLED_PORT = 6000;
const NAT_PORT = 41000;
const CALLEE_PORT = 7000;
const RELAY_PORTS = { callee: 20000, caller: 20002 };
/** The callee speaks first for so long. */
const HEAD_START_MS = 200;
const REFRESH_MS = 500;
/** Packets that may be lost: those to the caller before its NAT's port was known. */
const SETTLING_MS = 1000;
const CALL =
  `${ADDRESSES.caller} ${ADDRESSES.relayExternal} ${ADDRESSES.relayInternal} ${ADDRESSES.callee} ` +
  `${SIGNALLED_PORT} ${RELAY_PORTS.callee} ${RELAY_PORTS.caller} ${CALLEE_PORT} 60 demo-call `;

/** Let two endpoints talk through the real kernel path; the answer is the exit code. */
export async function runDemo(
  { seconds, json = false }: { readonly seconds: number; readonly json?: boolean },
  output: TextOutput,
): Promise<number> {
  const say = json ? () => {} : output.out;
  say(
    `caller ${ADDRESSES.caller} <-> relay ${ADDRESSES.relayInternal} | ${ADDRESSES.relayExternal}` +
      ` <-> callee ${ADDRESSES.callee}, in network namespaces of their own\n` +
      `The caller is behind NAT: SDP says port ${SIGNALLED_PORT}, it sends from ${NAT_PORT}. The callee speaks first.\n\n`,
  );
  using network = build();
  await using relay = await startRelay(network);
  await using caller = new DemoEndpoint(network.caller, {
    address: ADDRESSES.caller,
    port: NAT_PORT,
    relay: { hostname: ADDRESSES.relayInternal, port: RELAY_PORTS.caller },
  });
  await using callee = new DemoEndpoint(network.callee, {
    address: ADDRESSES.callee,
    port: CALLEE_PORT,
    relay: { hostname: ADDRESSES.relayExternal, port: RELAY_PORTS.callee },
  });
  const opened = await relay.command(`1 S ${CALL}`);
  say(`Kamailio: 1 S ${CALL}\nrelay:    ${opened.reply} (${opened.ms.toFixed(2)} ms)\n\n`);

  await talk({ caller, callee }, seconds, (last) => show(say, { caller, callee, last }));
  const reports = directions(caller, callee);
  const checks = [
    {
      name: "command confirmed",
      passed: opened.reply.endsWith(" OK"),
      detail: `${opened.ms.toFixed(2)} ms`,
    },
    ...mediaChecks(caller, callee),
    ...await strangerCheck(network, { relay, callee }),
    ...await hangUpCheck(relay, { caller, callee }),
  ];
  const passed = checks.every((check) => check.passed);
  if (json) {
    output.out(`${JSON.stringify({ schema: SCHEMA, passed, directions: reports, checks })}\n`);
  }
  say(`\n${checkLines(checks)}\n${verdict(passed)}\n`);
  return passed ? 0 : 1;
}

function verdict(passed: boolean): string {
  return passed
    ? "The two endpoints hear each other through the kernel."
    : "Something is wrong: see the lines marked FAIL. `nft --version` and the kernel's nf_tables are the first suspects.";
}

function build(): RelayNetwork {
  try {
    return buildRelayNetwork();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `${reason}\nThe demo builds network namespaces: run it as root, with iproute2 and nftables installed`,
      { cause },
    );
  }
}

interface Parties {
  readonly caller: DemoEndpoint;
  readonly callee: DemoEndpoint;
}

async function talk(
  { caller, callee }: Parties,
  seconds: number,
  refresh: (last: boolean) => void,
): Promise<void> {
  const end = AbortSignal.timeout(seconds * 1000);
  const talking = [callee.talk(end)];
  await pause(HEAD_START_MS, end);
  talking.push(caller.talk(end));
  while (!end.aborted) {
    await pause(REFRESH_MS, end);
    if (!end.aborted) refresh(false);
  }
  await Promise.all(talking);
  await settled([caller, callee]);
  refresh(true);
}

/** Wait until what is under way has arrived: nothing new for a while. */
async function settled(parties: readonly DemoEndpoint[]): Promise<void> {
  const received = (): number =>
    parties.reduce((sum, { rtp, rtcp }) => sum + rtp.received + rtcp.received, 0);
  const never = new AbortController().signal;
  for (let before = -1; before !== received();) {
    before = received();
    await pause(50, never);
  }
}

function show(
  say: (text: string) => void,
  { caller, callee, last }: Parties & { last: boolean },
): void {
  const isTerminal = Deno.stdout.isTerminal();
  if (!isTerminal && !last) return;
  say(directionTable(directions(caller, callee)));
  if (isTerminal && !last) say("\x1b[5A");
}

function mediaChecks(
  { rtp: callerRtp, rtcp: callerRtcp }: DemoEndpoint,
  callee: DemoEndpoint,
): readonly Check[] {
  const { relayInternal, relayExternal } = ADDRESSES;
  const lateStart = (HEAD_START_MS + SETTLING_MS) / 20;
  const check = (
    name: string,
    [sent, received]: readonly [number, number],
    allowed: number,
  ): Check => ({
    name,
    passed: received > 0 && sent - received <= allowed,
    detail: `${received} of ${sent}`,
  });
  const source = (name: string, seen: ReadonlySet<string>, wanted: string): Check => ({
    name,
    passed: seen.size === 1 && seen.has(wanted),
    detail: [...seen].join(" ") || "nobody",
  });
  return [
    check("RTP caller to callee", [callerRtp.sent, callee.rtp.received], 0),
    check("RTP callee to caller, from when the NAT's port was known", [
      callee.rtp.sent,
      callerRtp.received,
    ], lateStart),
    check("RTCP caller to callee", [callerRtcp.sent, callee.rtcp.received], 0),
    check("RTCP callee to caller", [callee.rtcp.sent, callerRtcp.received], lateStart / 10 + 1),
    source("callee hears the relay", callee.rtp.sources, `${relayExternal}:${RELAY_PORTS.callee}`),
    source("caller hears the relay", callerRtp.sources, `${relayInternal}:${RELAY_PORTS.caller}`),
  ];
}

/** Somebody else sends to the caller's relay socket. */
async function strangerCheck(
  network: RelayNetwork,
  { relay, callee }: { readonly relay: DemoRelay; readonly callee: DemoEndpoint },
): Promise<readonly Check[]> {
  const before = callee.rtp.received;
  await using stranger = new DemoEndpoint(network.caller, {
    address: ADDRESSES.callerStrangers[0],
    port: SIGNALLED_PORT,
    relay: { hostname: ADDRESSES.relayInternal, port: RELAY_PORTS.caller },
  });
  for (let n = 0; n < 10; n++) await stranger.send("rtp");
  await settled([callee]);
  const relayed = callee.rtp.received - before;
  const refused = relay.strangerPackets();
  return [{
    name: "a stranger's packets are refused",
    passed: relayed === 0 && refused === 10,
    detail: `${refused} of 10 refused, ${relayed} relayed`,
  }];
}

/** After D nothing is relayed. */
async function hangUpCheck(
  relay: DemoRelay,
  { caller, callee }: Parties,
): Promise<readonly Check[]> {
  const closed = await relay.command(`2 D ${CALL}`);
  const before = caller.rtp.received + callee.rtp.received;
  for (let n = 0; n < 10; n++) {
    await caller.send("rtp");
    await callee.send("rtp");
  }
  await settled([caller, callee]);
  const relayed = caller.rtp.received + callee.rtp.received - before;
  return [{
    name: "nothing passes after hang-up",
    passed: closed.reply.endsWith(" OK") && relay.sessions().length === 0 && relayed === 0,
    detail: `${relayed} of 20 relayed, ${relay.sessions().length} sessions left`,
  }];
}
