import assert from "node:assert/strict";
import { NetlinkMeter } from "./netlink_meter.ts";

Deno.test("NetlinkMeter counts transactions, and those that were refused", () => {
  const meter = new NetlinkMeter();
  for (const refused of [false, true, false]) meter.transacted(performance.now(), { refused });
  assert.deepEqual([meter.refused, meter.failed], [1, 0]);
  assert.equal(meter.latency.counts.reduce((sum, count) => sum + count), 3);
  assert.ok(meter.latency.sum >= 0 && meter.latency.sum < 1);
});

Deno.test("NetlinkMeter.watch() counts what breaks off and hides nothing", () => {
  const meter = new NetlinkMeter();
  assert.equal(meter.watch(() => 7), 7);
  assert.throws(() =>
    meter.watch(() => {
      throw new Error("no answer");
    }), /no answer/);
  assert.equal(meter.failed, 1);
});
