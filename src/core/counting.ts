import type { Backend, FlowCount } from "./backend.ts";
import { type Flow, flowsOf, type Session } from "./session.ts";

/** The counts of one session's flows in their order; null where there is no flow. */
export type FlowCounts = readonly (FlowCount | null)[];

/** Read the counts of a session. */
export function countFlows(session: Session, backend: Backend): FlowCounts {
  return countManyFlows([session], backend)[0] ?? [];
}

/** Read the counts of sessions, asking the data path once for all of them. */
export function countManyFlows(
  sessions: readonly Session[],
  backend: Backend,
): readonly FlowCounts[] {
  const flows = sessions.map(flowsOf);
  const present = flows.flat().filter((flow): flow is Flow => flow !== null);
  const counts = backend.count(present).values();
  return flows.map((own) => own.map((flow) => flow && (counts.next().value ?? null)));
}
