import { strict as assert } from "node:assert";
import { parseIpv4 } from "../../src/base/ipv4.ts";
import { buildRelayNetwork, type RelayNetwork } from "../../src/netns/namespaces.ts";
import { Daemon } from "./daemon.ts";
import { IcmpWatch } from "./icmp.ts";
import { CALL, Kamailio } from "./kamailio.ts";
import { otherTables, readSet, refusedFrom, runIn } from "./kernel.ts";
import { MediaSocket, packet } from "./media.ts";
import { RawUdp } from "./raw_udp.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay } from "./world.ts";

/** What a machine may have of its own: tracked connections, masquerading, and a firewall. */
const FOREIGN_TABLES = `
table ip nat {
	set seen { type ipv4_addr; elements = { 198.51.100.1, 198.51.100.2 }; }
	chain prerouting { type nat hook prerouting priority dstnat; udp dport 5060 redirect to :5062; }
	chain postrouting { type nat hook postrouting priority srcnat; oifname != "lo" masquerade; }
}
table inet firewall {
	chain forward { type filter hook forward priority filter; ct state invalid drop; accept; }
	chain input { type filter hook input priority filter; ct state established,related accept; }
}`;

function loadForeignTables({ relay }: RelayNetwork): void {
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, FOREIGN_TABLES);
  relay.command("nft", "-f", file);
  Deno.removeSync(file);
}

/** The relay's tracked connections that have to do with media. */
async function tracked(net: RelayNetwork): Promise<readonly string[]> {
  const lines = (await runIn(net.relay, "cat", "/proc/net/nf_conntrack")).split("\n");
  return lines.filter((line) => /dport=(6000|6001|7000|7001|2000[0-3])\b/.test(line));
}

Deno.test("media that comes before S is dropped in silence, and the call that follows is whole", async () => {
  await using world = await openWorld({ prepare: loadForeignTables });
  const watches = [new IcmpWatch(world.net.caller), new IcmpWatch(world.net.callee)];
  for (const watch of watches) world.use(watch);
  const caller = world.caller(6000);
  const callee = world.callee(7000);
  const fromCaller = caller.talk(CALL.snat);
  const fromCallee = callee.talk(CALL.dst);
  await until("early packets of all four streams are dropped", async () => {
    const sockets = [caller.rtp, caller.rtcp, callee.rtp, callee.rtcp];
    const counts = sockets.map(({ at }) => refusedFrom(world.relay, at));
    return (await Promise.all(counts)).every((count) => count >= 3);
  });
  assert.deepEqual(await tracked(world.net), []);
  await world.kamailio.open(CALL);
  const opened = performance.now();
  await untilTwoWay({ caller, callee, fromCaller, fromCallee });
  console.log(`two-way ${(performance.now() - opened).toFixed(0)} ms after S`);
  assert.deepEqual(caller.rtp.sources(), [CALL.snat]);
  assert.deepEqual(callee.rtp.sources(), [CALL.dst]);
  await untilLocked(world);
  assert.deepEqual(await tracked(world.net), []);
  assert.deepEqual(watches.flatMap((watch) => watch.take()), []);
});

Deno.test("connections tracked before the daemon ran do not spoil its calls", async () => {
  await using stack = new AsyncDisposableStack();
  const net = stack.use(buildRelayNetwork());
  loadForeignTables(net);
  const foreign = await otherTables(net.relay);
  // Both directions are tracked as they would be on a machine that is no relay yet.
  const caller = stack.use(new MediaSocket(net.caller, "10.10.1.10", 6000));
  const callee = stack.use(new MediaSocket(net.callee, "192.0.2.20", 7000));
  const fromCaller = caller.stream("rtp", CALL.snat);
  const fromCallee = callee.stream("rtp", CALL.dst);
  await until("both are tracked", async () => {
    const lines = await tracked(net);
    return lines.some((line) => line.includes("sport=6000")) &&
      lines.some((line) => line.includes("sport=7000"));
  });
  const daemon = stack.use(new Daemon(net.relay));
  await daemon.start();
  const kamailio = stack.use(new Kamailio(net.relay));
  await kamailio.open(CALL);
  await until("RTP flows both ways", () => {
    return callee.of(fromCaller).length > 0 && caller.of(fromCallee).length > 0;
  });
  assert.deepEqual(caller.sources(), [CALL.snat]);
  assert.deepEqual(callee.sources(), [CALL.dst]);
  assert.equal(await otherTables(net.relay), foreign);
});

Deno.test("other tables stay as they are, byte for byte, over the daemon's whole life", async () => {
  await using world = await openWorld({ prepare: loadForeignTables });
  const foreign = await otherTables(world.relay);
  assert.match(foreign, /masquerade/);
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  await world.daemon.kill("SIGKILL");
  assert.equal(await otherTables(world.relay), foreign);
  await world.daemon.start();
  await untilTwoWay(conversation);
  await world.kamailio.close(CALL);
  assert.equal(await otherTables(world.relay), foreign);
  assert.equal((await world.daemon.cli("stop", "--drop")).code, 0);
  await world.daemon.ended();
  const whole = await runIn(world.relay, "nft", "-a", "list ruleset");
  assert.equal(whole, foreign);
});

Deno.test("ports outside the media range are not the relay's business", async () => {
  await using world = await openWorld();
  const service = world.use(new MediaSocket(world.relay, "10.10.1.1", 5060));
  const beyond = world.use(new MediaSocket(world.relay, "192.0.2.1", 30010));
  const caller = world.caller(6000);
  const callee = world.callee(7000);
  const toService = caller.rtp.stream("rtp", service.at);
  const toBeyond = callee.rtp.stream("rtp", beyond.at);
  await until("both services hear", () => {
    return service.of(toService).length > 0 && beyond.of(toBeyond).length > 0;
  });
  const answer = service.stream("rtp", caller.rtp.at);
  await until("the answer comes back", () => caller.rtp.of(answer).length > 0);
});

Deno.test("more strangers than can be counted are dropped all the same", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  const icmp = world.use(new IcmpWatch(world.net.caller));
  const scanner = world.use(new RawUdp(world.net.caller));
  const address = (text: string): number => {
    const parsed = parseIpv4(text);
    assert(parsed.ok);
    return parsed.value;
  };
  const to = { address: address("10.10.1.1"), port: 20002 };
  const payload = packet("rtp", { sequence: 0, ssrc: 99 });
  for (let port = 10000; port < 16000; port++) {
    scanner.send({ from: { address: address("10.10.1.66"), port }, to, payload });
  }
  await until("as many as fit are counted", async () => {
    return (await readSet(world.relay, "strangers")).length >= 4000;
  });
  await untilTwoWay(conversation);
  assert.deepEqual(conversation.callee.rtp.heard.filter(({ ssrc }) => ssrc === 99), []);
  assert.deepEqual(icmp.take(), []);
  assert((await world.show()).strangers.length >= 4000);
});
