/** The sessions that are measured, as `inject/flows.h` has them in C. */
import type { Latch, Session } from "../../../src/core/session.ts";

const CALLER_PORT = 20000;
const CALLEE_PORT = 30000;
/** Sessions of one relay address: every other port from 10000 on. */
const SESSIONS_OF_ADDRESS = 25000;

/** The relay's first addresses towards callers and callees: 10.99.0.1 and 10.98.0.1. */
const NEAR = 0x0a63_0001;
const FAR = 0x0a62_0001;

/** One session, all of whose ports are known. */
export function benchSession(index: number): Session {
  const port = 10000 + 2 * (index % SESSIONS_OF_ADDRESS);
  const address = Math.floor(index / SESSIONS_OF_ADDRESS);
  return {
    instance: "bench",
    callId: `${index}@bench.example`,
    createdMs: 1_700_000_000_000,
    a: {
      remote: { address: 0x0a40_0000 + index, port: CALLER_PORT },
      local: { address: NEAR + address, port },
    },
    b: {
      remote: { address: 0x0a80_0000 + index, port: CALLEE_PORT },
      local: { address: FAR + address, port },
    },
    latches: [
      lockedTo(CALLER_PORT),
      lockedTo(CALLER_PORT + 1),
      lockedTo(CALLEE_PORT),
      lockedTo(CALLEE_PORT + 1),
    ],
  };
}

function lockedTo(port: number): Latch {
  return { locked: port, open: false, sendTo: port };
}
