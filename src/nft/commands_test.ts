import assert from "node:assert/strict";
import fc from "fast-check";
import { makeSession } from "../../tests/contract/rig.ts";
import { laterForms, sessions } from "../../tests/support/arbitraries.ts";
import { lockedTo, reopened } from "../core/latch.ts";
import { type Session, withLatch } from "../core/session.ts";
import { type Edit, editFor } from "./commands.ts";
import { type Element, elementsOf, placeOf } from "./elements.ts";

/** What a kernel holds after an edit that it takes as a whole or not at all. */
function carryOut(held: readonly Element[], edit: Edit): readonly Element[] {
  const places = new Map(held.map((element) => [placeOf(element), element]));
  for (const element of edit.deletions) {
    assert.ok(places.delete(placeOf(element)), `there is no ${placeOf(element)}`);
  }
  for (const { element } of edit.additions) {
    assert.ok(!places.has(placeOf(element)), `there is a ${placeOf(element)} already`);
    places.set(placeOf(element), element);
  }
  return [...places.values()];
}

function assertHolds(held: readonly Element[], wanted: readonly Element[]): void {
  const inOrder = (elements: readonly Element[]): readonly string[] =>
    elements.map(({ set, key, data, comment }) => JSON.stringify([set, key, data, comment]))
      .toSorted();
  assert.deepEqual(inOrder(held), inOrder(wanted));
}

function summary({ deletions, additions }: Edit): readonly string[] {
  return [
    ...deletions.map(({ set }) => `- ${set}`),
    ...additions.map(({ element, countsOf }) => {
      return `+ ${element.set}${countsOf.map(({ set }) => ` <${set}`).join("")}`;
    }),
  ];
}

Deno.test("editFor() touches only what changes, and hands counts on", () => {
  const open = makeSession();
  const locked = withLatch(open, 0, lockedTo(41000));
  const contested = withLatch(open, 0, reopened(lockedTo(41000)));
  const relocked = withLatch(open, 0, lockedTo(45000));
  const held = { ...open, b: { ...open.b, remote: { ...open.b.remote, port: 0 } } };
  const same: Session = { ...open };
  const record = ["- sessions", "+ sessions"];
  const cases: readonly (readonly [string, Session, Session, readonly string[]])[] = [
    ["nothing", open, same, []],
    // The locked port is in the key of one flow and in the value of its opposite.
    ["lock", open, locked, [...record, "- open", "- open", "+ legs <open", "+ open <open"]],
    ["re-open", locked, contested, [...record, "+ open"]],
    ["confirm", contested, locked, [...record, "- legs", "- open", "+ legs <legs <open"]],
    [
      "move",
      contested,
      relocked,
      [...record, "- legs", "- open", "- open", "+ legs <legs <open", "+ open <open"],
    ],
    ["hold", open, held, [...record, "- open", "- open", "+ held <open", "+ held <open"]],
    ["resume", held, open, [...record, "- held", "- held", "+ open <held", "+ open <held"]],
  ];
  for (const [name, before, after, expected] of cases) {
    const edit = editFor({ before: [before], after });
    assert.deepEqual(summary(edit).toSorted(), expected.toSorted(), name);
    assertHolds(carryOut(elementsOf(before), edit), elementsOf(after));
  }
});

Deno.test("editFor() keeps the counts of a contested flow's two elements apart", () => {
  const before = withLatch(makeSession(), 0, reopened(lockedTo(41000)));
  const { additions } = editFor({ before: [before], after: withLatch(before, 2, lockedTo(47000)) });
  const ofFlow = additions.filter(({ element }) => element.key[0] === before.a.remote.address);
  assert.deepEqual(ofFlow.map(({ element, countsOf }) => [element.set, countsOf.map(placeOf)]), [
    ["legs", [placeOf(ofFlow[0]?.element ?? element())]],
    ["open", [placeOf(ofFlow[1]?.element ?? element())]],
  ]);
});

Deno.test("editFor() opens, closes and replaces whole sessions", () => {
  const session = makeSession();
  const rival = makeSession({ callId: "rival" });
  const opening = editFor({ before: [], after: session });
  assertHolds(carryOut([], opening), elementsOf(session));
  assertHolds(carryOut(elementsOf(session), editFor({ before: [session], after: null })), []);
  const replacing = editFor({ before: [rival], after: session });
  assertHolds(carryOut(elementsOf(rival), replacing), elementsOf(session));
  assert.ok(replacing.additions.every(({ countsOf }) => countsOf.length === 0));
  assert.deepEqual(editFor({ before: [], after: null }), { deletions: [], additions: [] });
});

Deno.test("editFor() leads from any form of a session to any other", () => {
  const pairs = sessions().chain((session) => fc.tuple(fc.constant(session), laterForms(session)));
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const edit = editFor({ before: [before], after });
      assertHolds(carryOut(elementsOf(before), edit), elementsOf(after));
      const lost = edit.additions.flatMap(({ countsOf }) => countsOf).map(placeOf);
      assert.equal(new Set(lost).size, lost.length, "a count is handed on once");
      const deleted = new Set(edit.deletions.map(placeOf));
      assert.ok(lost.every((place) => deleted.has(place)));
    }),
    { numRuns: 5000 },
  );
});

function element(): Element {
  throw new Error("There is no such addition");
}
