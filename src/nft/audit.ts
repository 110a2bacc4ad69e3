import type { Ledger } from "../core/backend.ts";
import { flowIndexOf, type Session } from "../core/session.ts";
import type { Dumped } from "./dumped.ts";
import {
  type Element,
  elementsOf,
  flowElements,
  recordElement,
  sameContent,
  sameWords,
  SET_NAMES,
  type SetName,
  wordPort,
} from "./elements.ts";
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
    const current = some.flatMap((session) => ledger.get(session) ?? []);
    mended += mendSessions(store, current);
    some = [];
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  for (const session of [...ledger.sessions()]) {
    some.push(session);
    if (some.length < SESSIONS_AT_ONCE) continue;
    await mend();
    if (ledger.isClosed()) return mended;
  }
  await mend();
  return mended;
}

function mendSessions(store: ElementStore, sessions: readonly Session[]): number {
  const elements = sessions.flatMap(elementsOf);
  const edits = SET_NAMES.flatMap((set) => {
    const wanted = elements.filter((element) => element.set === set);
    const present = store.read(set, wanted.map(({ key }) => key));
    return wanted.flatMap((element, i) => {
      const actual = present[i];
      if (actual && sameContent({ ...actual, set }, element)) return [];
      return [{
        deletions: actual ? [{ ...actual, set }] : [],
        additions: [{ element, countsOf: [] }],
      }];
    });
  });
  store.commit(edits);
  return edits.length;
}

/** Take out whatever belongs to no session of the ledger; the answer counts the pieces. */
export async function removeOrphans(ledger: Ledger): Promise<number> {
  using exchange = new Exchange();
  const store = new ElementStore(exchange);
  let removed = 0;
  for (const set of SET_NAMES) {
    const orphans: (readonly number[])[] = [];
    for await (const some of store.dumpSlowly(set)) {
      if (ledger.isClosed()) return removed;
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
  const wanted = set === "sessions" ? recordFor(dumped, ledger) : flowFor(set, dumped, ledger);
  return wanted.some((element) => element.set === set && sameWords(element.key, dumped.key));
}

/** The record that ought to be in the place of a dumped one. */
function recordFor({ key, comment }: Dumped, ledger: Ledger): readonly Element[] {
  const found = comment === null ? null : parseRecord(comment, key);
  const session = found && ledger.get(found);
  return session ? [recordElement(session)] : [];
}

/** The elements of the flow that a dumped one is about. */
function flowFor(set: SetName, { key }: Dumped, ledger: Ledger): readonly Element[] {
  const [remote = 0, address = 0] = key;
  const flow = { remote, local: { address, port: wordPort(key[set === "legs" ? 3 : 2]) } };
  const session = ledger.owner(flow);
  const index = session ? flowIndexOf(session, flow) : null;
  return session && index !== null ? flowElements(session, index) : [];
}
