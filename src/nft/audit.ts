import type { Ledger } from "../core/backend.ts";
import type { Session } from "../core/session.ts";
import type { Dumped } from "./dumped.ts";
import { elementsOf, placeOf, sameContent, type SetName, wordPort } from "./elements.ts";
import { Exchange } from "./exchange.ts";
import { parseRecord } from "./record.ts";
import { ElementStore } from "./store.ts";

/** How many sessions are looked at before other work gets its turn. */
const SESSIONS_AT_ONCE = 250;

/** Put in whatever the sessions of the ledger lack in the kernel; the answer counts the pieces. */
export async function addMissing(store: ElementStore, ledger: Ledger): Promise<number> {
  let mended = 0;
  let some: Session[] = [];
  const mend = async (): Promise<void> => {
    // What ended while others were looked at must not come back.
    const current = some.flatMap((session) => ledger.get(session.id) ?? []);
    mended += mendSessions(store, current);
    some = [];
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  for (const session of [...ledger.sessions()]) {
    some.push(session);
    if (some.length === SESSIONS_AT_ONCE) await mend();
  }
  await mend();
  return mended;
}

function mendSessions(store: ElementStore, sessions: readonly Session[]): number {
  const elements = sessions.flatMap(elementsOf);
  const found = new Map<string, Dumped>();
  for (const set of ["sessions", "legs", "open", "held"] as const) {
    const keys = elements.filter((element) => element.set === set).map(({ key }) => key);
    store.read(set, keys).forEach((dumped) => {
      if (dumped) found.set(placeOf({ set, ...dumped }), dumped);
    });
  }
  const edits = elements.flatMap((element) => {
    const present = found.get(placeOf(element));
    const actual = present && { ...present, set: element.set };
    if (actual && sameContent(actual, element)) return [];
    return [{ deletions: actual ? [actual] : [], additions: [{ element, countsOf: [] }] }];
  });
  store.commit(edits);
  return edits.length;
}

/** Take out whatever belongs to no session of the ledger; the answer counts the pieces. */
export async function removeOrphans(ledger: Ledger): Promise<number> {
  using exchange = new Exchange();
  const store = new ElementStore(exchange);
  let removed = 0;
  for (const set of ["legs", "open", "held", "sessions"] as const) {
    const orphans: (readonly number[])[] = [];
    for await (const some of store.dumpSlowly(set)) {
      orphans.push(
        ...some.filter((dumped) => !isWanted(set, dumped, ledger)).map(({ key }) => key),
      );
    }
    // A session may have come, or come back, while the rest was read.
    const still = store.read(set, orphans).filter((dumped) => dumped !== null)
      .filter((dumped) => !isWanted(set, dumped, ledger));
    store.discard(set, still.map(({ key }) => key));
    removed += still.length;
  }
  return removed;
}

function isWanted(set: SetName, dumped: Dumped, ledger: Ledger): boolean {
  const session = set === "sessions" ? recordOwner(dumped, ledger) : flowOwner(set, dumped, ledger);
  const place = placeOf({ set, ...dumped });
  return session !== undefined && elementsOf(session).some((element) => placeOf(element) === place);
}

function recordOwner({ key, comment }: Dumped, ledger: Ledger): Session | undefined {
  const session = comment === null ? null : parseRecord(comment, key);
  return session ? ledger.get(session.id) : undefined;
}

function flowOwner(set: SetName, { key }: Dumped, ledger: Ledger): Session | undefined {
  const [remote = 0, address = 0] = key;
  const port = wordPort(key[set === "legs" ? 3 : 2]);
  return ledger.owner({ remote, local: { address, port } });
}
