import type { InstanceConfig } from "../../src/config/config.ts";
import { Inbox } from "../../src/control/inbox.ts";
import { RelayEngine } from "../../src/daemon/engine.ts";
import type { PathName } from "../../src/core/two_paths.ts";
import { FakeModule } from "../../src/fake/fast_path.ts";
import { World } from "./world.ts";

/** The only instance of a {@link TestDaemon}. */
export const INSTANCE: InstanceConfig = {
  name: "default",
  udp: null,
  unix: null,
  internalIp: "10.10.1.1",
  externalIp: "192.0.2.1",
  internalLocal: "10.10.1.1",
  externalLocal: "192.0.2.1",
  startPort: 20000,
  endPort: 20999,
  currentPort: 20000,
};

/** A {@link World} that hears requests, as they come from the network. */
export interface TestDaemon {
  readonly world: World;
  readonly inbox: Inbox;
}

/**
 * Start a daemon, on the kernel of `before` if there was one. In mode `kmod` there is a kernel
 * module, and each flow goes there as soon as its port is decided.
 */
export async function startDaemon(
  { maxSessions, mode = "nft", before }: {
    readonly maxSessions: number;
    readonly mode?: PathName;
    readonly before?: World;
  },
): Promise<TestDaemon> {
  const world = new World({
    ...{ maxSessions, mode },
    ...mode === "kmod" && { module: before?.module ?? new FakeModule() },
    listen: (event) => {
      if (event.kind === "opened") engine.noteOpened(event.session);
    },
    ...before && { kernel: before.backend.kernel, clock: before.clock },
  });
  const engine = new RelayEngine(world.relay, world.upkeep, () => INSTANCE);
  await world.start();
  for (const session of world.sessions()) engine.noteOpened(session);
  const inbox = new Inbox(engine, (error) => {
    throw error;
  });
  return { world, inbox };
}

/** Hand datagrams over; the answer is every reply to each, null for what is no request, once all is done. */
export async function exchange(
  inbox: Inbox,
  datagrams: readonly Uint8Array[],
): Promise<readonly (readonly (Uint8Array | null)[])[]> {
  const replies = datagrams.map((): (Uint8Array | null)[] => []);
  datagrams.forEach((bytes, i) => {
    const answer = (reply: Uint8Array | null): void => void replies[i]?.push(reply);
    inbox.take({ instance: "default", bytes, framing: "cookie", answer });
  });
  await inbox.settled();
  return replies;
}

/** Text as bytes, one character a byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes as text, one character a byte. */
export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
