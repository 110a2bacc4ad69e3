import { strict as assert } from "node:assert";
import type { Namespace } from "../../src/netns/namespaces.ts";
import { shell } from "./doctor.ts";
import { IcmpWatch } from "./icmp.ts";
import { CALL } from "./kamailio.ts";
import { until } from "./until.ts";
import { converse, openWorld } from "./world.ts";

/*
 * Sets that packets themselves fill have a bound. Nobody who fills one may keep others' packets from being relayed: in
 * nf_tables, an addition to a full set ends its rule.
 */

/** Fill a set, or a map whose data is `data`, with what nobody has sent. */
async function fill(
  relay: Namespace,
  set: string,
  { keys, data = "" }: { readonly keys: readonly string[]; readonly data?: string },
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    const elements = keys.map((key) => `${key} timeout 1h${data}`).join(", ");
    await Deno.writeTextFile(path, `add element ip lrkproxy ${set} { ${elements} }\n`);
    await shell(relay, `nft -f ${path}`);
  } finally {
    await Deno.remove(path);
  }
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

Deno.test("media are relayed when the set of arrivals is full", async () => {
  await using world = await openWorld();
  await fill(world.relay, "arrivals", { keys: numbers(256).map((n) => `${10_000 + n}`) });
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  assert.equal((await world.show()).strangers.length, 0);
});

Deno.test("media are relayed when the map of learned ports is full", async () => {
  await using world = await openWorld({ ini: { session: { learning: "never" } } });
  const keys = numbers(16_384).map((n) => `10.9.${n >> 8}.${n & 255} . 10.10.1.1 . 20002`);
  await fill(world.relay, "learned", { keys, data: " : 7" });
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
});

Deno.test("who sends what does not fit is told when the set of such flows is full", async () => {
  await using world = await openWorld({
    prepare: ({ relay }) => void relay.ip("link", "set", "outside", "mtu", "600"),
  });
  const keys = numbers(4096).map((n) => `192.0.2.1 . 20000 . 10.9.${n >> 8}.${n & 255} . 7 . 9`);
  await fill(world.relay, "too_big_flows", { keys });
  await world.kamailio.open(CALL);
  using icmp = new IcmpWatch(world.net.caller);
  const caller = world.caller(6000);
  caller.rtp.send(new Uint8Array(1000).fill(0x80), CALL.snat);
  await until("the caller is told", () => icmp.take().includes("3/4 from 10.10.1.1"));
});
