import { errno, libc, systemError } from "../base/libc.ts";
import { errorOf, type Message, messages } from "./decode.ts";
import type { MessageWriter } from "./message.ts";
import {
  ENOENT,
  NETLINK_NETFILTER,
  NFGENMSG_BYTES,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "./protocol.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_RCVTIMEO = 20;
/** Enough for the answers to the largest batch; the kernel drops what does not fit. */
const BUFFER_BYTES = 32 << 20;
const EINTR = 4;

/** How a dump ended: `torn` if things changed under it, `absent` if there is no such thing. */
export type DumpEnd = "whole" | "torn" | "absent";

/** What a netlink socket speaks. */
export interface NetlinkKind {
  /** NETLINK_… */
  readonly protocol: number;
  /** The length of the header that its messages have behind netlink's own. */
  readonly familyHeaderBytes: number;
  /** Whom it speaks to, for messages of errors. */
  readonly name: string;
}

const NF_TABLES: NetlinkKind = {
  protocol: NETLINK_NETFILTER,
  familyHeaderBytes: NFGENMSG_BYTES,
  name: "nf_tables",
};

/** Open a netlink socket that hears of `groups`, in the network namespace of this process. Returns its descriptor. */
export function openNetlink(protocol: number, groups = 0): number {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
  if (fd < 0) throw systemError("open a netlink socket");
  const address = new Uint8Array(12);
  address[0] = AF_NETLINK;
  new DataView(address.buffer).setUint32(8, groups, true);
  if (libc().bind(fd, address, address.length) !== 0) throw systemError("bind a netlink socket");
  return fd;
}

/** A netlink socket, to nf_tables by default. Every exchange ends before its call returns. */
export class NetlinkSocket implements Disposable {
  readonly #kind: NetlinkKind;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(1 << 18);
  #seq = 1;

  /** Open a socket in the network namespace of this process. */
  constructor(kind = NF_TABLES) {
    this.#kind = kind;
    this.#fd = openNetlink(kind.protocol);
    this.#setOption(SO_SNDBUFFORCE, Int32Array.of(BUFFER_BYTES));
    this.#setOption(SO_RCVBUFFORCE, Int32Array.of(BUFFER_BYTES));
    // The kernel answers before `send` returns, so a missing answer is a fault, not a delay.
    this.#setOption(SO_RCVTIMEO, BigInt64Array.of(2n, 0n));
  }

  /** A sequence number that no other message of this socket has had for long. */
  nextSequence(): number {
    this.#seq = this.#seq === 0xffff_ffff ? 1 : this.#seq + 1;
    return this.#seq;
  }

  /** Send everything written. Throws if the kernel does not take it. */
  send(writer: MessageWriter): void {
    const bytes = writer.bytes();
    const sent = Number(libc().send(this.#fd, bytes, BigInt(bytes.length), 0));
    if (sent !== bytes.length) throw systemError(`send to ${this.#kind.name}`);
  }

  /**
   * Read answers until that of message `last` has come, or `first` has failed and taken all others
   * with it. The answer holds the errno of every message that failed, by its sequence number.
   */
  readAcks(
    { first, last }: { readonly first: number; readonly last: number },
    take?: (message: Message) => void,
  ): ReadonlyMap<number, number> {
    const failed = new Map<number, number>();
    for (;;) {
      for (const message of messages(this.#receive(), this.#kind.familyHeaderBytes)) {
        if (message.type !== NLMSG_ERROR) {
          take?.(message);
          continue;
        }
        const error = errorOf(message);
        if (error !== 0) failed.set(message.seq, error);
        if (message.seq === last || (message.seq === first && error !== 0)) return failed;
      }
    }
  }

  /** Read the answer to a dump. */
  readDump(seq: number, take: (message: Message) => void): DumpEnd {
    let end: DumpEnd = "whole";
    for (;;) {
      for (const message of messages(this.#receive(), this.#kind.familyHeaderBytes)) {
        if (message.seq !== seq) continue;
        if (message.flags & NLM_F_DUMP_INTR) end = "torn";
        if (message.type === NLMSG_DONE) return end;
        if (message.type === NLMSG_ERROR) return errorOf(message) === ENOENT ? "absent" : "torn";
        take(message);
      }
    }
  }

  /** The next messages, whatever they are; valid until the next read. */
  readSome(): readonly Message[] {
    return [...messages(this.#receive(), this.#kind.familyHeaderBytes)];
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }

  #receive(): Uint8Array {
    for (;;) {
      const length = Number(libc().recv(this.#fd, this.#buffer, BigInt(this.#buffer.length), 0));
      if (length >= 0) return this.#buffer.subarray(0, length);
      const code = errno();
      if (code !== EINTR) throw systemError(`read an answer of ${this.#kind.name}`, code);
    }
  }

  #setOption(option: number, value: Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>): void {
    const bytes = new Uint8Array(value.buffer);
    libc().setsockopt(this.#fd, SOL_SOCKET, option, bytes, bytes.length);
  }
}
