import type { Amount, Change, Credit } from "../core/backend.ts";
import { type FlowIndex, FLOWS, hasIdentity, identityOf, type Session } from "../core/session.ts";
import {
  type Element,
  elementsOf,
  elementsOfFlow,
  flowElements,
  isSamePlace,
  recordElement,
  sameContent,
} from "./elements.ts";

/** An element to add; its packet count starts with what these elements had counted, and `extra`. */
export interface Addition {
  readonly element: Element;
  readonly countsOf: readonly Element[];
  readonly extra?: Amount;
}

/** What has to happen in the kernel, in one transaction: first the deletions. */
export interface Edit {
  readonly deletions: readonly Element[];
  readonly additions: readonly Addition[];
}

const NOTHING: readonly Element[] = [];

/** The edit that makes a change. */
export function editFor({ before, after }: Change): Edit {
  const [first] = before;
  if (!first) return { deletions: [], additions: after ? asAdditions(elementsOf(after)) : [] };
  if (!after) return { deletions: before.flatMap(elementsOf), additions: [] };
  const same = before.find((session) => hasIdentity(session, identityOf(after)));
  const others = before.filter((session) => session !== same);
  const own = same
    ? editBetween(same, after)
    : { deletions: [], additions: asAdditions(elementsOf(after)) };
  return { deletions: [...others.flatMap(elementsOf), ...own.deletions], additions: own.additions };
}

/** The edit that adds to the count of a flow. */
export function editForCredit({ flow, ...extra }: Credit): Edit {
  const [element] = elementsOfFlow(flow);
  if (!element) return { deletions: [], additions: [] };
  return { deletions: [element], additions: [{ element, countsOf: [element], extra }] };
}

function asAdditions(elements: readonly Element[]): readonly Addition[] {
  return elements.map((element) => ({ element, countsOf: NOTHING }));
}

/** The edit from one form of a session to another: what stays the same is not touched. */
function editBetween(before: Session, after: Session): Edit {
  const edits = [editPart([recordElement(before)], [recordElement(after)])];
  for (const flow of FLOWS) {
    if (isSameFlow(before, after, flow)) continue;
    edits.push(editPart(flowElements(before, flow), flowElements(after, flow)));
  }
  return {
    deletions: edits.flatMap(({ deletions }) => deletions),
    additions: edits.flatMap(({ additions }) => additions),
  };
}

/** Whether nothing has changed that the elements of a flow are made of. */
function isSameFlow(before: Session, after: Session, flow: FlowIndex): boolean {
  const back = (flow ^ 2) as FlowIndex;
  return before.a === after.a && before.b === after.b &&
    before.latches[flow] === after.latches[flow] &&
    before.latches[back].sendTo === after.latches[back].sendTo;
}

function editPart(old: readonly Element[], wanted: readonly Element[]): Edit {
  const gone = old.filter((element) => !wanted.some((other) => isSame(element, other)));
  const fresh = wanted.filter((element) => !old.some((other) => isSame(element, other)));
  const [kept] = wanted;
  if (fresh.length > 0 || gone.length === 0 || !kept || kept.set === "sessions") {
    // An element takes over the count of its place, and the first one what has no place any more.
    const heir = (lost: Element): Element | undefined =>
      fresh.find((element) => isSamePlace(element, lost)) ?? fresh[0];
    const heirloom = (element: Element) =>
      element.set === "sessions" ? NOTHING : gone.filter((lost) => heir(lost) === element);
    return {
      deletions: gone,
      additions: fresh.map((element) => ({ element, countsOf: heirloom(element) })),
    };
  }
  // Only something was taken away: what is left takes its count over.
  return { deletions: old, additions: [{ element: kept, countsOf: old }] };
}

function isSame(one: Element, other: Element): boolean {
  return isSamePlace(one, other) && sameContent(one, other);
}
