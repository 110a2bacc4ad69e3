import type { Amount } from "../core/backend.ts";
import type {
  FastCounts,
  FastEdit,
  FastFlow,
  FastOutcome,
  FastPath,
  FastState,
} from "../core/fast_path.ts";
import { type FlowKey, flowKeyText } from "../core/session.ts";
import { HEADER_BYTES, type Packet, type Relayed, RTP_PACKET } from "./kernel.ts";

/** What a fast path of the kernel holds: it outlives whoever uses it, until it is taken away. */
export class FakeModule {
  readonly flows = new Map<string, { flow: FastFlow; packets: number; bytes: number }>();
  relayed: Amount = { packets: 0, bytes: 0 };
  isThere = true;
  /** RTP packets that each sender has sent, and that never came. */
  lost = 0;
  room = Infinity;

  /** Go away, or come back, with nothing in either case. */
  reload(isThere: boolean): void {
    this.flows.clear();
    this.relayed = { packets: 0, bytes: 0 };
    this.isThere = isThere;
  }

  /** Let a packet arrive; null if it is for others. */
  deliver({ from, to, payload = RTP_PACKET }: Packet): Relayed | null {
    const carried = this.flows.get(flowKeyText({ remote: from.address, local: to }));
    if (!carried || carried.flow.port !== from.port) return null;
    const bytes = HEADER_BYTES + payload.length;
    carried.packets++;
    carried.bytes += bytes;
    const { relayed } = this;
    this.relayed = { packets: relayed.packets + 1, bytes: relayed.bytes + bytes };
    return { from: carried.flow.source, to: carried.flow.destination, payload };
  }
}

/** Why a {@link FakeModule} that is not there takes nothing. */
export const ABSENT = "there is no fake module";
/** Why one that is full takes no more. */
export const FULL = "the fake module is full";

/** Carries decided flows in memory. */
export class FakeFastPath implements FastPath {
  readonly name = "kmod";
  readonly module: FakeModule;

  constructor(module = new FakeModule()) {
    this.module = module;
  }

  state(): FastState | string {
    const { isThere, flows, room, relayed } = this.module;
    return isThere ? { flows: flows.size, room, relayed, dropped: {}, left: {} } : ABSENT;
  }

  edit({ remove, put }: FastEdit): FastOutcome {
    const { module } = this;
    if (!module.isThere) return { removed: remove.map(() => null), refused: put.map(() => ABSENT) };
    const removed = remove.map((key) => {
      const carried = module.flows.get(flowKeyText(key));
      module.flows.delete(flowKeyText(key));
      return carried ? { packets: carried.packets, bytes: carried.bytes } : null;
    });
    const refused = put.map(({ flow }) => {
      const text = flowKeyText(flow.key);
      const known = module.flows.get(text);
      if (!known && module.flows.size >= module.room) return FULL;
      module.flows.set(text, { packets: 0, bytes: 0, ...known, flow });
      return null;
    });
    return { removed, refused };
  }

  count(keys: readonly (FlowKey | null)[]): FastCounts {
    const counts = keys.map((key) => {
      const carried = key && this.module.flows.get(flowKeyText(key));
      if (!carried) return null;
      const { packets, bytes } = carried;
      return { packets, bytes, expected: packets + this.module.lost, received: packets };
    });
    return { at: (index) => counts[index] ?? null };
  }

  flows(): Iterable<FastFlow> {
    return [...this.module.flows.values()].map(({ flow }) => flow);
  }

  clear(): void {
    this.module.flows.clear();
  }
}
