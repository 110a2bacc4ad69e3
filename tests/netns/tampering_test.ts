import { strict as assert } from "node:assert";
import { CALL, numberedCall } from "./kamailio.ts";
import { type KernelTable, nft, otherTables, ourChains, readTable, runIn } from "./kernel.ts";
import { until } from "./until.ts";
import {
  type Conversation,
  converse,
  openWorld,
  untilLocked,
  untilTwoWay,
  type World,
} from "./world.ts";

/** What somebody else has broken relays again within so long. */
const MEND_MS = 1000;

const FOREIGN = `add table inet firewall
add chain inet firewall forward { type filter hook forward priority filter; }
add rule inet firewall forward ct state invalid drop
add set inet firewall friends { type ipv4_addr; }
add element inet firewall friends { 198.51.100.1, 198.51.100.7 }`;

/** What somebody does to our table while calls go on. */
const TAMPERINGS: Readonly<Record<string, (world: World) => string | Promise<string>>> = {
  "the table is deleted": () => "delete table ip lrkproxy",
  "the table is flushed": () => "flush table ip lrkproxy",
  "a chain is flushed": () => "flush chain ip lrkproxy prerouting",
  "the map of the locked flows is flushed": () => "flush map ip lrkproxy legs",
  "one flow is deleted": ({ relay }) => deletionOf(relay, CALL.src),
  "the rule that relays is deleted": async ({ relay }) => {
    const rules = await runIn(relay, "nft", "-a", "list chain ip lrkproxy prerouting");
    const handle = /comment "legs \w+" # handle (\d+)/.exec(rules)?.[1];
    return `delete rule ip lrkproxy prerouting handle ${handle}`;
  },
  "the records of the sessions are flushed": () => "flush set ip lrkproxy sessions",
  "the guard of the relay's ports is flushed": () => "flush set ip lrkproxy relay_ports",
  "the guarding chain is flushed": () => "flush chain ip lrkproxy guard",
  "the chain of ICMP errors is flushed": () => "flush chain ip lrkproxy too_big",
  "the chain that sees errors of this machine is flushed": () => "flush chain ip lrkproxy output",
};

for (const [what, tamper] of Object.entries(TAMPERINGS)) {
  Deno.test(`when ${what}, it is put right within a second, and nobody else's tables change`, async () => {
    await using world = await openWorld();
    for (const line of FOREIGN.split("\n")) await nft(world.relay, line);
    await world.kamailio.open(CALL);
    const conversation = await converse(
      world.caller({ rtp: 41234, rtcp: 6001 }),
      world.callee(7000),
    );
    await untilLocked(world);
    const foreign = await otherTables(world.relay);
    const whole = contents(await readTable(world.relay));
    const rules = await ourChains(world.relay);

    const command = await tamper(world);
    const begun = performance.now();
    await nft(world.relay, command);
    await expectTwoWayAgain(conversation, begun);
    await until("the kernel holds everything again", async () => {
      return contents(await readTable(world.relay)) === whole &&
        await ourChains(world.relay) === rules;
    }, MEND_MS - (performance.now() - begun));

    assert.equal(await otherTables(world.relay), foreign);
    const { session } = await world.show();
    assert.equal(session.caller.rtp.source, "10.10.1.10:41234");
    assert.equal(session.caller.rtp.latch, "locked");
  });
}

Deno.test("when one flow of one call among many is deleted, that call is put right within a second", async () => {
  await using world = await openWorld();
  const calls = Array.from({ length: 30 }, (_, n) => numberedCall(n));
  await world.kamailio.openAll(calls);
  const call = numberedCall(29);
  const conversation = await converse(world.caller(6116), world.callee(7116), call);
  await untilLocked(world, call.id);
  const command = await deletionOf(world.relay, call.src);
  const begun = performance.now();
  await nft(world.relay, command);
  await expectTwoWayAgain(conversation, begun);
});

Deno.test("commands that come while the table is away are carried out, and no call is forgotten", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  const next = numberedCall(1);
  await nft(world.relay, "delete table ip lrkproxy");
  await world.kamailio.open(next);
  await converse(world.caller(6004), world.callee(7004), next);
  await untilTwoWay(conversation);
  await nft(world.relay, "delete table ip lrkproxy");
  await world.kamailio.close(next);
  await untilTwoWay(conversation);
  assert.deepEqual((await world.sessions()).map(({ callId }) => callId), [CALL.id]);
});

async function deletionOf(relay: World["relay"], source: string): Promise<string> {
  const [address, port] = source.split(":");
  const legs = (await readTable(relay)).get("legs") ?? [];
  const leg = legs.find(({ key }) => key[0] === address && Number(key[2]) >= Number(port));
  return `delete element ip lrkproxy legs { ${leg?.key.join(" . ")} }`;
}

/** Wait until packets sent from now on arrive, and say how long the media was away. */
async function expectTwoWayAgain(conversation: Conversation, begun: number): Promise<void> {
  await untilTwoWay(conversation, MEND_MS - (performance.now() - begun));
  console.log(`two-way again ${(performance.now() - begun).toFixed(0)} ms later`);
}

/** Everything in the sets that does not change by itself. */
function contents(table: KernelTable): string {
  const lasting = ["legs", "open", "held", "sessions", "relay_ports"];
  const lines = lasting.flatMap((set) =>
    (table.get(set) ?? []).map(({ key, rewrite, comment }) =>
      JSON.stringify([set, key, rewrite, comment])
    )
  );
  return lines.sort().join("\n");
}
