import type { Change } from "../core/backend.ts";
import { FLOWS, type Session } from "../core/session.ts";
import { type Element, elementsOf, placeOf, sameContent, type SessionElement } from "./elements.ts";

/** An element to add; its packet count starts with what these elements had counted. */
export interface Addition {
  readonly element: Element;
  readonly countsOf: readonly Element[];
}

/** What has to happen in the kernel, in one transaction: first the deletions. */
export interface Edit {
  readonly deletions: readonly Element[];
  readonly additions: readonly Addition[];
}

/** The edit that makes a change. */
export function editFor({ before, after }: Change): Edit {
  const [first] = before;
  if (!first) return { deletions: [], additions: after ? asAdditions(elementsOf(after)) : [] };
  if (!after) return { deletions: before.flatMap(elementsOf), additions: [] };
  const same = before.find((session) => session.id === after.id);
  const others = before.filter((session) => session !== same);
  const own = same
    ? editBetween(same, after)
    : { deletions: [], additions: asAdditions(elementsOf(after)) };
  return { deletions: [...others.flatMap(elementsOf), ...own.deletions], additions: own.additions };
}

function asAdditions(elements: readonly Element[]): readonly Addition[] {
  return elements.map((element) => ({ element, countsOf: [] }));
}

/** The edit from one form of a session to another: what stays the same is not touched. */
function editBetween(before: Session, after: Session): Edit {
  const old = elementsOf(before);
  const wanted = elementsOf(after);
  const deletions: Element[] = [];
  const additions: Addition[] = [];
  for (const flow of [null, ...FLOWS]) {
    const part = (element: SessionElement): boolean => element.flow === flow;
    const edit = editPart(old.filter(part), wanted.filter(part));
    deletions.push(...edit.deletions);
    additions.push(...edit.additions);
  }
  return { deletions, additions };
}

function editPart(old: readonly Element[], wanted: readonly Element[]): Edit {
  const gone = old.filter((element) => !wanted.some((other) => isSame(element, other)));
  const fresh = wanted.filter((element) => !old.some((other) => isSame(element, other)));
  const [kept] = wanted;
  if (fresh.length > 0 || gone.length === 0 || !kept || kept.set === "sessions") {
    // An element takes over the count of its place, and the first one what has no place any more.
    const heir = (lost: Element): Element | undefined =>
      fresh.find((element) => placeOf(element) === placeOf(lost)) ?? fresh[0];
    const heirloom = (element: Element) => gone.filter((lost) => heir(lost) === element);
    return {
      deletions: gone,
      additions: fresh.map((element) => ({ element, countsOf: heirloom(element) })),
    };
  }
  // Only something was taken away: what is left takes its count over.
  return { deletions: old, additions: [{ element: kept, countsOf: old }] };
}

function isSame(one: Element, other: Element): boolean {
  return placeOf(one) === placeOf(other) && sameContent(one, other);
}
