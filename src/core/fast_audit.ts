import type { Ledger } from "./backend.ts";
import type { CarriedFlows } from "./fast_flows.ts";
import { type FastFlow, fastFlowOf, type FastPath, hasFlow, isSameFastFlow } from "./fast_path.ts";
import {
  type FlowIndex,
  flowIndexOf,
  type FlowKey,
  flowKeysOf,
  flowKeyText,
  flowOf,
  FLOWS,
  type Session,
} from "./session.ts";

/** Take over what a fast path carries of these sessions, and out of it what is not theirs. */
export function adoptFastFlows(
  fast: FastPath,
  sessions: readonly Session[],
  carried: CarriedFlows,
): void {
  const flows = [...fast.flows()];
  if (flows.length === 0) return;
  const owners = new Map<string, Session>();
  for (const session of sessions) {
    for (const key of flowKeysOf(session)) owners.set(flowKeyText(key), session);
  }
  sortOut(fast, { flows, owner: (key) => owners.get(flowKeyText(key)) }, carried);
}

/**
 * Find out what a fast path carries, and take out of it what the ledger does not have. The answer
 * counts what was not as `carried` said, which is put right; nothing is put in.
 */
export function auditFastPath(fast: FastPath, ledger: Ledger, carried: CarriedFlows): number {
  const before = new Map(carried);
  const flows = [...fast.flows()];
  carried.clear();
  const strays = sortOut(fast, { flows, owner: (key) => ledger.owner(key) }, carried);
  let missing = 0;
  for (const [session, bits] of before) {
    const lost = bits & ~(carried.get(session) ?? 0);
    missing += FLOWS.filter((index) => hasFlow(lost, index)).length;
  }
  return strays + missing;
}

/** Note each flow that is as its owner wants it, remove the others; the answer is their number. */
function sortOut(
  fast: FastPath,
  found: {
    readonly flows: readonly FastFlow[];
    readonly owner: (key: FlowKey) => Session | undefined;
  },
  carried: CarriedFlows,
): number {
  const strays: FlowKey[] = [];
  for (const flow of found.flows) {
    const session = found.owner(flow.key);
    const index = session ? flowIndexOf(session, flow.key) : null;
    if (session && index !== null && isAsWanted(session, index, flow)) {
      carried.set(session, (carried.get(session) ?? 0) | 1 << index);
    } else {
      strays.push(flow.key);
    }
  }
  if (strays.length > 0) fast.edit({ remove: strays, put: [] });
  return strays.length;
}

function isAsWanted(session: Session, index: FlowIndex, flow: FastFlow): boolean {
  const own = flowOf(session, index);
  const wanted = own && fastFlowOf(own);
  return wanted !== null && isSameFastFlow(wanted, flow);
}
