import { strict as assert } from "node:assert";
import { buildRelayNetwork } from "../../src/netns/namespaces.ts";
import { Exchange } from "../../src/nft/exchange.ts";
import { ElementStore } from "../../src/nft/store.ts";
import { Daemon } from "./daemon.ts";
import { CALL, numberedCall } from "./kamailio.ts";
import { nft, readSet, refusedFrom, runIn, sizes } from "./kernel.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

Deno.test("what was left half-installed is repaired, and what belongs to nobody is removed", async () => {
  await using world = await openWorld();
  const [damaged, recordless, waiting] = [0, 1, 2].map(numberedCall);
  assert(damaged && recordless && waiting);
  for (const call of [damaged, recordless, waiting]) await world.kamailio.open(call);
  const conversation = await converse(world.caller(6000), world.callee(7000), damaged);
  const other = await converse(world.caller(6004), world.callee(7004), recordless);
  await untilLocked(world, damaged.id);
  await untilLocked(world, recordless.id);
  await world.daemon.kill("SIGKILL");

  const { relay } = world;
  await deleteElement(world, "legs", ([address, , port]) => address + ":" + port === damaged.src);
  await deleteElement(world, "open", ([, , port]) => port === "20008");
  await deleteElement(world, "sessions", ([, port]) => port === "20004");
  await nft(relay, `add element ip lrkproxy held { 198.51.100.9 . 10.10.1.1 . 20500 }`);
  const stray = "198.51.100.9 . 10.10.1.1 . 6000 . 20500 : 192.0.2.1 . 192.0.2.20 . 0x4e204e20";
  await nft(relay, `add element ip lrkproxy legs { ${stray} }`);

  await world.daemon.start();
  await untilTwoWay(conversation);
  await until("every piece is in its place", async () => {
    const { sessions, legs, open, held } = await sizes(world.relay);
    return sessions === 2 && legs === 4 && open === 4 && held === 0;
  });
  const callIds = (await world.sessions()).map(({ callId }) => callId);
  assert.deepEqual(callIds.sort(), [damaged.id, waiting.id]);
  await until("the call without a record is over", async () => {
    return await refusedFrom(relay, other.caller.rtp.at) > 0;
  });
  await world.kamailio.open(recordless);
  await untilTwoWay(other);
});

async function deleteElement(
  { relay }: World,
  set: string,
  isIt: (key: readonly string[]) => boolean,
): Promise<void> {
  const element = (await readSet(relay, set)).find(({ key }) => isIt(key));
  assert(element, `nothing to delete in ${set}`);
  await nft(relay, `delete element ip lrkproxy ${set} { ${element.key.join(" . ")} }`);
}

for (const damage of ["flush table ip lrkproxy", "flush map ip lrkproxy legs"]) {
  Deno.test(`calls are relayed again after "${damage}" while no daemon ran`, async () => {
    await using world = await openWorld();
    await world.kamailio.open(CALL);
    const conversation = await converse(
      world.caller({ rtp: 41234, rtcp: 52346 }),
      world.callee(7000),
    );
    await untilLocked(world);
    await world.daemon.kill("SIGKILL");
    await nft(world.relay, damage);
    await world.daemon.start();
    await untilTwoWay(conversation);
    const { caller } = await untilLocked(world);
    assert.equal(caller.rtcp.source, "10.10.1.10:52346");
  });
}

Deno.test("the records of the calls stay in the kernel while flushed rules are put back", async () => {
  await using world = await openWorld();
  const calls = Array.from({ length: 400 }, (_, n) => numberedCall(n));
  await world.kamailio.openAll(calls);
  await world.daemon.kill("SIGKILL");
  await nft(world.relay, "flush table ip lrkproxy");
  // The nft program is too slow to see what is away for a few milliseconds.
  const exchange = world.use(world.relay.run(() => new Exchange()));
  const store = new ElementStore(exchange);
  const records = (): number => {
    try {
      return store.dump("sessions").length;
    } catch {
      return 0;
    }
  };
  let fewest = records();
  let isReady = false;
  const started = world.daemon.start().then(() => isReady = true);
  await until("the rules are put back", () => {
    fewest = Math.min(fewest, records());
    return isReady;
  }, 15_000);
  await started;
  assert.equal(fewest, calls.length);
});

Deno.test("a start without any table begins anew", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await world.daemon.kill("SIGKILL");
  await nft(world.relay, "delete table ip lrkproxy");
  await world.daemon.start();
  assert.deepEqual(await world.sessions(), []);
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
});

/** What another version has left, as far as every version has it. */
const OTHER_LAYOUT = `add table ip lrkproxy { comment "lrkproxy layout 0" ; }
add set ip lrkproxy sessions { type ipv4_addr . inet_service . ipv4_addr . inet_service . mark ; }`;

Deno.test("a table of another layout that holds no call is made anew", async () => {
  await using world = await openWorld({
    prepare: async ({ relay }) => {
      for (const line of OTHER_LAYOUT.split("\n")) await nft(relay, line);
    },
  });
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
});

Deno.test("a table of another layout that holds a call keeps the daemon from starting, and stays as it is", async () => {
  await using stack = new AsyncDisposableStack();
  const net = stack.use(buildRelayNetwork());
  for (const line of OTHER_LAYOUT.split("\n")) await nft(net.relay, line);
  await nft(
    net.relay,
    "add element ip lrkproxy sessions { 192.0.2.1 . 20000 . 10.10.1.1 . 20002 . 1 }",
  );
  const ruleset = await runIn(net.relay, "nft", "-a", "list ruleset");
  const daemon = stack.use(new Daemon(net.relay));
  daemon.spawn();
  assert.equal(await daemon.ended(), 1);
  assert.match(daemon.log, /layout 0.*stop --drop/);
  assert.equal(await runIn(net.relay, "nft", "-a", "list ruleset"), ruleset);
});
