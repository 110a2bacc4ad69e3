import { ManualClock } from "../../src/base/clock.ts";
import { type Endpoint, formatEndpoint, type Ipv4, parseIpv4 } from "../../src/base/ipv4.ts";
import { type Admission, type CallFields, forbiddenRemote } from "../../src/core/call.ts";
import type { EndReason, RelayEvent } from "../../src/core/events.ts";
import type { Limits } from "../../src/core/liveness.ts";
import type { Command } from "../../src/core/plan.ts";
import { type Outcome, Relay } from "../../src/core/relay.ts";
import type { Session } from "../../src/core/session.ts";
import { type PathMode, Promotion } from "../../src/core/promotion.ts";
import { Sources } from "../../src/core/sources.ts";
import { type Entry, SessionTable } from "../../src/core/table.ts";
import { TwoPaths } from "../../src/core/two_paths.ts";
import { Upkeep } from "../../src/core/upkeep.ts";
import { FakeBackend } from "../../src/fake/backend.ts";
import { FakeFastPath, FakeModule } from "../../src/fake/fast_path.ts";
import { FakeKernel, type Relayed } from "../../src/fake/kernel.ts";
import { RANGES } from "../contract/rig.ts";

/*
 * A relay on a fake data path, with time in the test's hands: everything of the daemon but its
 * sockets and its configuration.
 */

/** The daemon's defaults. */
export const LIMITS: Limits = {
  timeoutSeconds: 60,
  staleLimitSeconds: 3600,
  unheardLimitSeconds: 180,
  liveWindowSeconds: 5,
};

/** Seconds for which a known port must go on after an S. */
export const CONFIRM_SECONDS = 3;

/** How often the daemon does what has to be done now and then. */
const FOLLOW_MS = 50;
const SAMPLE_MS = 250;
const CONFIRM_MS = 1000;

/** An address from its text. */
export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (!address.ok) throw new Error(address.error);
  return address.value;
}

const OWN = new Set([ip("10.10.1.1"), ip("192.0.2.1")]);

/** Relaying for 10.10.1.1 and 192.0.2.1; the network 198.51.100.0/24 is refused. */
export const ADMISSION: Admission = {
  localAddress: new Map([["10.10.1.1", ip("10.10.1.1")], ["192.0.2.1", ip("192.0.2.1")]]),
  forbidden: (remote) =>
    forbiddenRemote(remote, {
      own: OWN,
      broadcast: new Set([ip("10.10.1.255"), ip("192.0.2.255")]),
      refuse: [{ address: ip("198.51.100.0"), prefix: 24 }],
    }),
};

/** The fields of a call from 10.10.1.10:6000 to 192.0.2.20:7000, or a variant of it. */
export function callFields(variant: Partial<CallFields> = {}): CallFields {
  return {
    srcIp: "10.10.1.10",
    dstIp: "192.0.2.1",
    snatIp: "10.10.1.1",
    dnatIp: "192.0.2.20",
    srcPort: "6000",
    dstPort: "20000",
    snatPort: "20002",
    dnatPort: "7000",
    callId: "call-1",
    ...variant,
  };
}

/** An S. */
export function opening(variant: Partial<CallFields> = {}): Command {
  return { kind: "open", instance: "default", fields: callFields(variant) };
}

/** A D. */
export function closing(variant: Partial<CallFields> = {}): Command {
  return { kind: "close", instance: "default", fields: callFields(variant) };
}

/** The n-th of many calls that have nothing in common. */
export function numberedCall(n: number): Partial<CallFields> {
  const port = 20000 + 4 * n;
  return { callId: `call-${n}`, dstPort: `${port}`, snatPort: `${port + 2}` };
}

/** What a {@link World} may differ in. */
export interface WorldOptions {
  readonly maxSessions?: number;
  readonly limits?: Partial<Limits>;
  /** The kernel of another world, for a daemon that has been started again. */
  readonly kernel?: FakeKernel;
  readonly clock?: ManualClock;
  /** The kernel module, one that is not there unless it is given; and the way that media take. */
  readonly module?: FakeModule;
  readonly mode?: PathMode;
  /** Whose last counts are read. */
  readonly isCounted?: (reason: EndReason) => boolean;
  /** Hears of everything that happens to sessions. */
  readonly listen?: (event: RelayEvent) => void;
}

/** A daemon's inner parts and the world around them. */
export class World {
  readonly clock: ManualClock;
  /** What carries every session, below {@link paths}. */
  readonly backend: FakeBackend;
  readonly module: FakeModule;
  readonly promotion: Promotion;
  readonly paths: TwoPaths;
  readonly table = new SessionTable();
  readonly events: RelayEvent[] = [];
  readonly relay: Relay;
  readonly sources: Sources;
  readonly upkeep: Upkeep;
  #sampledMs = 0;
  #confirmedMs = 0;

  constructor(options: WorldOptions = {}) {
    const { maxSessions = 1000, limits = {}, kernel = new FakeKernel() } = options;
    this.clock = options.clock ?? new ManualClock();
    this.backend = new FakeBackend({ maxSessions, ranges: RANGES }, kernel);
    this.module = options.module ?? absentModule();
    const { mode = "auto" } = options;
    const thresholds = { packetsPerSecond: 1000, softirqPercent: 25 };
    this.promotion = new Promotion(() => ({ mode, thresholds }));
    const wants = (session: Session): boolean => this.promotion.wants(session);
    this.paths = new TwoPaths(this.backend, new FakeFastPath(this.module), wants);
    this.relay = new Relay({
      table: this.table,
      backend: this.paths,
      clock: this.clock,
      limits: { ...LIMITS, ...limits },
      maxSessions,
      ...options.isCounted && { isCounted: options.isCounted },
      admission: (instance) => instance === "default" ? ADMISSION : undefined,
      emit: (event) => {
        this.events.push(event);
        options.listen?.(event);
      },
    });
    this.sources = new Sources(this.relay, () => CONFIRM_SECONDS);
    this.upkeep = new Upkeep(this.relay);
  }

  /** Attach to the data path and take over what it carries, as a daemon does at its start. */
  async start(): Promise<this> {
    for (const session of await this.paths.attach()) this.relay.adopt(session);
    await this.upkeep.mend();
    return this;
  }

  /** Carry out commands in one batch; the answer is one word each: what was done, or why not. */
  handle(...commands: readonly Command[]): readonly string[] {
    return this.relay.handle(commands).map(wordOf);
  }

  /** Let a packet arrive at the relay, written `address:port`; the answer is where it goes. */
  send(from: string, to: string, payload?: Uint8Array): string | null {
    const packet = { from: endpoint(from), to: endpoint(to) };
    const arriving = payload ? { ...packet, payload } : packet;
    const relayed = this.module.deliver(arriving) ?? this.backend.deliver(arriving);
    return relayed && arrow(relayed);
  }

  /** Let time pass; upkeep happens meanwhile as in the daemon. */
  advance(seconds: number): void {
    const endMs = this.clock.now() + seconds * 1000;
    while (this.clock.now() < endMs) {
      this.clock.advance(Math.min(FOLLOW_MS, endMs - this.clock.now()));
      this.upkeepNow();
    }
  }

  /** Do what is due by now. */
  upkeepNow(): void {
    const nowMs = this.clock.now();
    this.sources.follow();
    if (nowMs - this.#confirmedMs >= CONFIRM_MS) {
      this.#confirmedMs = nowMs;
      this.sources.confirm();
    }
    if (nowMs - this.#sampledMs >= SAMPLE_MS) {
      this.#sampledMs = nowMs;
      this.upkeep.sample();
    }
  }

  /** The only session there is. */
  only(): Entry {
    const [entry, ...more] = this.table.entries();
    if (!entry || more.length > 0) throw new Error(`There are ${this.table.size} sessions`);
    return entry;
  }

  /** The sessions, by Call-ID. */
  sessions(): readonly Session[] {
    return [...this.table.entries()].map(({ session }) => session)
      .toSorted((one, other) => one.callId < other.callId ? -1 : 1);
  }

  /** The events since the last call of this. */
  takeEvents(): readonly RelayEvent[] {
    return this.events.splice(0);
  }
}

function absentModule(): FakeModule {
  const module = new FakeModule();
  module.reload(false);
  return module;
}

/** An endpoint from `address:port`. */
export function endpoint(text: string): Endpoint {
  const [address = "", port] = text.split(":");
  return { address: ip(address), port: Number(port) };
}

function wordOf(outcome: Outcome): string {
  return outcome.ok ? outcome.value : outcome.error.reason;
}

function arrow({ from, to }: Relayed): string {
  return `${formatEndpoint(from)} > ${formatEndpoint(to)}`;
}
