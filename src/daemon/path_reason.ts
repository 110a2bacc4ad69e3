import { fastFlowOf, type FastState } from "../core/fast_path.ts";
import { type FlowIndex, flowOf, FLOWS, type Session } from "../core/session.ts";
import type { TwoPaths } from "../core/two_paths.ts";

const FLOW_TEXTS = [
  "the caller's RTP",
  "the caller's RTCP",
  "the callee's RTP",
  "the callee's RTCP",
];

/** Why the media of a session that is wanted on the fast path are not all there; null if they are. */
export function reasonLeft(
  session: Session,
  paths: Pick<TwoPaths, "fastFlowsOf">,
  state: FastState,
): string | null {
  const carried = paths.fastFlowsOf(session);
  const left = FLOWS.filter((index) => !carried[index]);
  const causes = Map.groupBy(left, (index) => causeOf(session, index, state));
  const texts = [...causes].map(([cause, flows]) =>
    `${flows.map((index) => FLOW_TEXTS[index]).join(", ")}: ${cause}`
  );
  return texts.length === 0 ? null : texts.join("; ");
}

function causeOf(session: Session, index: FlowIndex, { flows, room }: FastState): string {
  const flow = flowOf(session, index);
  if (!flow) return "no address yet";
  if (!flow.rewrite) return "the other party is on hold";
  if (flow.latch.locked === 0) return "not heard yet";
  if (!fastFlowOf(flow)) return "its port may change";
  return flows >= room ? `the module is full (${room} flows)` : "on its way";
}
