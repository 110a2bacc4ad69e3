/**
 * Writes what the daemon's nft back end sends to the kernel for many sessions, so that replay.c can
 * send it again where no daemon runs. Runs as root in a network namespace of its own:
 *
 *     record_nft.ts SESSIONS FOLDER
 *
 * FOLDER gets `table.nft`, the table's text; `transactions`, each with its length before it; and
 * `nat.nft`, rules that let the kernel's NAT relay the same calls.
 */
import { tableText } from "../../../src/nft/load.ts";
import { NftBackend } from "../../../src/nft/backend.ts";
import type { MessageWriter } from "../../../src/netlink/message.ts";
import { NFNL_MSG_BATCH_BEGIN } from "../../../src/nft/protocol.ts";
import { NetlinkSocket } from "../../../src/netlink/socket.ts";
import { benchSession } from "./sessions.ts";

/** As many as the daemon puts into one transaction when it restores sessions. */
const AT_ONCE = 250;

const [count = "", folder = ""] = Deno.args;
const sessions = Number(count);

/** Lets every socket keep a copy of the transactions that it sends; questions are not kept. */
function recordInto(parts: Uint8Array<ArrayBuffer>[]): void {
  const send = NetlinkSocket.prototype.send;
  NetlinkSocket.prototype.send = function (writer: MessageWriter): void {
    const bytes = writer.bytes();
    const type = new DataView(bytes.buffer, bytes.byteOffset).getUint16(4, true);
    if (type === NFNL_MSG_BATCH_BEGIN) {
      parts.push(new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes.slice());
    }
    send.call(this, writer);
  };
}

async function addSessions(backend: NftBackend): Promise<void> {
  await backend.attach();
  for (let at = 0; at < sessions; at += AT_ONCE) {
    const changes = Array.from({ length: Math.min(AT_ONCE, sessions - at) }, (_, i) => {
      return { before: [], after: benchSession(at + i) };
    });
    const refused = backend.apply(changes).find((error) => error !== null);
    if (refused) throw new Error(`Cannot add a session: ${refused.message}`);
  }
}

function ip(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** The callers' RTP alone: it is all that is sent. */
function natText(): string {
  const all = Array.from({ length: sessions }, (_, i) => benchSession(i));
  const there = all.map(({ a, b }) => {
    const from = `${ip(a.remote.address)} . ${ip(a.local.address)} . ${a.local.port}`;
    return `${from} : ${ip(b.remote.address)} . ${b.remote.port}`;
  });
  const as = all.map(({ b }) => {
    const to = `${ip(b.remote.address)} . ${b.remote.port}`;
    return `${to} : ${ip(b.local.address)} . ${b.local.port}`;
  });
  return `table ip nat {
  map there {
    type ipv4_addr . ipv4_addr . inet_service : ipv4_addr . inet_service
    size ${Math.max(1024, sessions)}
    elements = { ${there.join(",\n")} }
  }
  map as {
    type ipv4_addr . inet_service : ipv4_addr . inet_service
    size ${Math.max(1024, sessions)}
    elements = { ${as.join(",\n")} }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip protocol udp dnat to ip saddr . ip daddr . udp dport map @there
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip protocol udp snat to ip daddr . udp dport map @as
  }
}
`;
}

const parts: Uint8Array<ArrayBuffer>[] = [];
recordInto(parts);
await using backend = new NftBackend({ maxSessions: sessions, ranges: [] });
await addSessions(backend);
await Deno.writeTextFile(`${folder}/table.nft`, tableText(sessions));
await Deno.writeTextFile(`${folder}/nat.nft`, natText());
await Deno.writeFile(`${folder}/transactions`, new Blob(parts).stream());
