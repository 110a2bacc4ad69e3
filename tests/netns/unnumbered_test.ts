import { strict as assert } from "node:assert";
import { readSmallFile } from "../../src/base/libc.ts";
import type { RelayNetwork } from "../../src/netns/namespaces.ts";
import { carryOut, diagnose, shell } from "./doctor.ts";
import { CALL } from "./kamailio.ts";
import { PROGRAM } from "./daemon.ts";
import { until } from "./until.ts";
import { converse, expectNoLoss, openWorld, untilTwoWay, type World } from "./world.ts";

/*
 * Media addresses on lo, as BGP to the host has them, and interfaces that have none of their own. There the kernel's
 * loose reverse path filter drops what a strict one drops.
 */

const SIDES = [["inside", "10.10.1"], ["outside", "192.0.2"]] as const;

/** Both media addresses on lo, only routes by the interfaces, and strict filters on these. */
function unnumber({ relay }: RelayNetwork): void {
  for (const [link, network] of SIDES) {
    relay.ip("address", "flush", "dev", link);
    relay.ip("address", "add", `${network}.1/32`, "dev", "lo");
    relay.ip("route", "add", `${network}.0/24`, "dev", link);
    relay.setSysctl(`ipv4/conf/${link}/rp_filter`, "1");
  }
}

/** The filter of each of both interfaces. */
function filters({ relay }: World): string {
  return SIDES.map(([link]) =>
    relay.run(() => readSmallFile(`/proc/sys/net/ipv4/conf/${link}/rp_filter`)?.trim())
  ).join();
}

async function untilFilters(world: World, expected: string): Promise<void> {
  await until(`the filters are ${expected}`, () => filters(world) === expected);
}

async function untilSaid(world: World, says: RegExp): Promise<void> {
  await until(`status says ${says}`, async () => {
    return says.test((await world.status()).warnings.join("\n"));
  }, 10_000);
}

Deno.test("media are whole with addresses on lo and interfaces that have none", async () => {
  await using world = await openWorld({ prepare: unnumber });
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  assert.equal(filters(world), "0,0");
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
  assert.deepEqual(of("sysctl.rp_filter").map(({ severity }) => severity), ["ok"]);
  assert.deepEqual((await world.status()).warnings, []);
  assert(await expectNoLoss(talk) > 0);
});

Deno.test("the filter of an interface follows its addresses as they come and go", async () => {
  await using world = await openWorld({ prepare: unnumber });
  const { relay } = world;
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  relay.ip("address", "add", "172.31.1.1/24", "dev", "inside");
  await untilFilters(world, "2,0");
  await untilTwoWay(talk);
  // With the last address of an interface the kernel takes its routes away.
  relay.ip("address", "del", "172.31.1.1/24", "dev", "inside");
  relay.ip("route", "add", "10.10.1.0/24", "dev", "inside");
  await untilFilters(world, "0,0");
  await untilTwoWay(talk);
  // What an operator has said of an interface with an address stays.
  relay.ip("address", "add", "172.31.1.1/24", "dev", "inside");
  await untilFilters(world, "2,0");
  relay.setSysctl("ipv4/conf/inside/rp_filter", "0");
  relay.ip("address", "add", "172.31.2.1/24", "dev", "outside");
  await untilFilters(world, "0,2");
});

Deno.test("a filter of all interfaces is named with its cures where interfaces have no address, and each cures", async () => {
  await using world = await openWorld({
    prepare: (net) => {
      unnumber(net);
      net.relay.setSysctl("ipv4/conf/all/rp_filter", "1");
    },
  });
  const { relay, daemon } = world;
  await world.kamailio.open(CALL);
  const [caller, callee] = [world.caller(6000), world.callee(7000)];
  const talk = { fromCaller: caller.talk(CALL.snat), fromCallee: callee.talk(CALL.dst) };
  const says = /net\.ipv4\.conf\.all\.rp_filter is 1 but has to be 0/;
  assert.match((await world.status()).warnings.join("\n"), says);
  const shown = await shell(relay, `${PROGRAM} show ${CALL.id} --config ${daemon.configPath}`);
  assert.equal(shown.match(new RegExp(says, "g"))?.length, 1, shown);
  const [found] = (await diagnose(relay, { config: daemon.configPath })).of("sysctl.rp_filter");
  assert.equal(found?.severity, "fail");
  assert.match(found.what, says);
  assert.equal(callee.rtp.heard.length, 0);

  const [setting = "", other = ""] = found.remedy;
  await carryOut(relay, { ...found, remedy: [setting] });
  // The daemon sets the interfaces when it looks the next time.
  await untilTwoWay({ caller, callee, ...talk }, 10_000);
  await untilSaid(world, /^$/);

  relay.setSysctl("ipv4/conf/all/rp_filter", "1");
  await untilSaid(world, says);
  assert.match(other, /give an IPv4 address to inside, outside: .*the media address with \/32/);
  for (const [link, network] of SIDES) {
    relay.ip("address", "add", `${network}.1/32`, "dev", link);
  }
  await untilTwoWay({ caller, callee, ...talk });
  await untilSaid(world, /^$/);
});
