import assert from "node:assert/strict";
import type { RelayEvent } from "../../src/core/events.ts";
import { bytesOf, exchange, startDaemon, type TestDaemon, textOf } from "../support/daemon.ts";
import type { PathName } from "../../src/core/two_paths.ts";
import type { World } from "../support/world.ts";
import type { Step, Stream } from "./transcript.ts";

/** How many sessions a transcript may open. */
const MAX_SESSIONS = 4;
const PACKET_SECONDS = 0.02;

/** Play a transcript with media on this path; throws at the first line that does not come true. */
export async function replay(steps: readonly Step[], mode: PathName): Promise<void> {
  const options = { maxSessions: MAX_SESSIONS, mode };
  let daemon = await startDaemon(options);
  let cookies = 0;
  for (const step of steps) {
    try {
      if (step.kind === "restart") {
        daemon = await startDaemon({ ...options, before: daemon.world });
      } else await carryOut(step, daemon, `-${++cookies}_7 `);
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Line ${step.line}: ${detail}`, { cause });
    }
  }
}

async function carryOut(step: Step, { world, inbox }: TestDaemon, cookie: string): Promise<void> {
  switch (step.kind) {
    case "ask": {
      const request = Uint8Array.of(...bytesOf(cookie), ...step.request);
      return assert.equal(await ask(inbox, request, cookie), step.reply);
    }
    case "raw":
      return assert.equal(await ask(inbox, step.request, ""), step.reply);
    case "send":
      return assertOutcome(world, step.stream);
    case "talk":
      for (let passed = 0; passed < step.seconds; passed += PACKET_SECONDS) {
        for (const stream of step.streams) assertOutcome(world, stream);
        world.advance(PACKET_SECONDS);
      }
      return await world.upkeep.watch();
    case "wait":
      world.advance(step.seconds);
      return await world.upkeep.watch();
    case "sessions":
      return assert.equal(sessionsOf(world), step.expected);
    case "events":
      return assert.equal(world.takeEvents().map(eventText).join(", "), step.expected);
    case "damage":
      // The module has no protection either, and would hide what has become of the table.
      world.module.flows.clear();
      return world.backend.kernel.clear();
  }
}

async function ask(
  inbox: TestDaemon["inbox"],
  request: Uint8Array,
  cookie: string,
): Promise<string> {
  const [replies = []] = await exchange(inbox, [request]);
  return replies.map((reply) => describe(reply, request, cookie)).join(" and ");
}

/** A reply in a transcript's words; what Kamailio would not understand is shown as it is. */
function describe(reply: Uint8Array | null, request: Uint8Array, cookie: string): string {
  if (reply === null) return "silence";
  const text = textOf(reply);
  const asked = textOf(request);
  for (const verdict of ["OK", "ER"]) if (text === asked + verdict) return verdict;
  if (text === `${cookie}P PONG`) return "PONG";
  if (!text.startsWith(`${cookie}G `) || reply.length !== cookie.length + 54) return text;
  const view = new DataView(reply.buffer, cookie.length + 2);
  const ports = [0, 4, 8].map((at) => view.getInt32(at, true));
  const addresses = [12, 32].map((at) => {
    const start = cookie.length + 2 + at;
    return text.slice(start, start + 20).replace(/\0+$/, "");
  });
  return [...ports, ...addresses].join(" ");
}

function assertOutcome(world: World, { from, to, outcome }: Stream): void {
  const found = world.send(from, to);
  const text = found === null ? "dropped" : outcome === "relayed" ? "relayed" : found;
  assert.equal(text, outcome, `${from} -> ${to}`);
}

/** The sessions as the command line shows them: their counts are read for it. */
function sessionsOf(world: World): string {
  world.upkeep.refresh([...world.table.entries()]);
  const texts = [...world.table.entries()].map(({ session, state }) =>
    `${session.callId} ${state}`
  );
  return texts.length === 0 ? "none" : texts.join(", ");
}

function eventText(event: RelayEvent): string {
  switch (event.kind) {
    case "ended":
      return `ended ${event.session.callId} (${event.reason})`;
    case "refused":
      return `refused ${event.callId} (${event.refusal.reason})`;
    case "learned":
      return `learned ${event.session.callId} ${event.port}`;
    case "unknown-close":
      return `unknown-close ${event.callId}`;
    case "mended":
      return "mended";
    case "backend-error":
      return `backend-error ${event.callId}`;
    default:
      return `${event.kind} ${event.session.callId}`;
  }
}
