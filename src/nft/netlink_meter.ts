import { Histogram } from "../base/histogram.ts";

/** Counts what is asked of nf_tables over netlink. */
export class NetlinkMeter {
  /** Seconds that transactions took, from sending to the kernel's answer. */
  readonly latency = new Histogram();
  /** Transactions that the kernel refused; they are tried again in other pieces, or reported. */
  refused = 0;
  /** Questions and transactions that broke off: no answer, or one that cannot be read. */
  failed = 0;

  /** Do one exchange with the kernel, and count it if it throws. */
  watch<T>(exchange: () => T): T {
    try {
      return exchange();
    } catch (error) {
      this.failed++;
      throw error;
    }
  }

  /** Note a transaction that began at `startMs`, on the monotonic clock. */
  transacted(startMs: number, { refused }: { readonly refused: boolean }): void {
    this.latency.observe((performance.now() - startMs) / 1000);
    if (refused) this.refused++;
  }
}
