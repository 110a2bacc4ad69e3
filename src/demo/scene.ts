import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { formatErrors, loadConfigText } from "../config/load.ts";
import { Machine } from "../daemon/machine.ts";
import { wire } from "../daemon/wiring.ts";
import type { Entry } from "../core/table.ts";
import { ADDRESSES, type RelayNetwork } from "../netns/namespaces.ts";

const FOLLOW_MS = 50;

/** The daemon's own parts at work in the relay's namespace, and its control protocol. */
export interface DemoRelay extends AsyncDisposable {
  /** Send a request as Kamailio does; the answer is the reply and how long it took. */
  command(request: string): Promise<{ readonly reply: string; readonly ms: number }>;
  /** The sessions with fresh counts. */
  sessions(): readonly Entry[];
  /** Packets that were turned away. */
  strangerPackets(): number;
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const CONFIGURATION = `
[kernel]
start_port : 20000
end_port : 30000
internal_ip : ${ADDRESSES.relayInternal}
external_ip : ${ADDRESSES.relayExternal}
`;

/** Put a relay to work in the network's relay namespace. */
export async function startRelay(network: RelayNetwork): Promise<DemoRelay> {
  const config = loadConfigText(CONFIGURATION, "demo");
  if (!config.ok) throw new Error(formatErrors(config.error));
  using _inside = network.relay.enter();
  const options = { clock: systemClock, log: SILENT };
  const parts = wire(config.value, {
    ...options,
    note: (session, isNew) => machine.note(session, isNew),
  });
  const { current, backend, relay: { parts: { table } }, inbox: { peers } } = parts;
  const machine = new Machine({ current, table, backend, peers, path: "demo", ...options });
  await parts.backend.attach();
  const follower = setInterval(() => parts.sources.follow(), FOLLOW_MS);
  return {
    command: async (request) => {
      const start = performance.now();
      const reply = await new Promise<Uint8Array | null>((answer) => {
        const bytes = new TextEncoder().encode(request);
        parts.inbox.take({ instance: "default", bytes, framing: "cookie", answer });
      });
      return { reply: new TextDecoder().decode(reply ?? undefined), ms: performance.now() - start };
    },
    sessions: () => {
      const entries = [...parts.relay.parts.table.entries()];
      parts.upkeep.refresh(entries);
      return entries;
    },
    strangerPackets: () => parts.backend.strangers().reduce((sum, each) => sum + each.packets, 0),
    [Symbol.asyncDispose]: async () => {
      clearInterval(follower);
      machine[Symbol.dispose]();
      await parts.backend.remove();
      await parts.backend[Symbol.asyncDispose]();
    },
  };
}
