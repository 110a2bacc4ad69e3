import { strict as assert } from "node:assert";
import { shell } from "./doctor.ts";
import { PROGRAM } from "./daemon.ts";
import { CALL } from "./kamailio.ts";
import { until } from "./until.ts";
import { openWorld, type World } from "./world.ts";

/* What `lrkproxy show` knows of the way to either party: what is forwarded need not arrive. */

/** What `show` prints behind `=>`, run on the relay itself. */
async function shown({ relay, daemon }: World): Promise<readonly string[]> {
  const text = await shell(relay, `${PROGRAM} show ${CALL.id} --config ${daemon.configPath}`);
  return text.split("\n").filter((line) => line.startsWith("=> ")).map((line) => line.slice(3));
}

async function untilShown(world: World, pattern: RegExp): Promise<readonly string[]> {
  return await until(`show says ${pattern}`, async () => {
    const lines = await shown(world);
    return lines.some((line) => pattern.test(line)) && lines;
  }, 10_000);
}

Deno.test("show names a party that does not answer ARP", async () => {
  await using world = await openWorld({
    prepare: ({ callee }) => void callee.ip("address", "del", "192.0.2.20/24", "dev", "eth0"),
  });
  await world.kamailio.open(CALL);
  world.caller(6000).talk(CALL.snat);
  const lines = await untilShown(world, /192\.0\.2\.20 on outside does not answer ARP/);
  assert(!lines.some((line) => /flows both ways/.test(line)));
});

Deno.test("show names packets that do not fit, whose sender was told, and how much does", async () => {
  await using world = await openWorld({
    prepare: ({ relay }) => void relay.ip("link", "set", "outside", "mtu", "600"),
  });
  await world.kamailio.open(CALL);
  const caller = world.caller(6000);
  // Deno's sockets set DF, as those of most programs: the first one finds out what fits.
  caller.rtp.send(new Uint8Array(1000).fill(0x80), CALL.snat);
  const lines = await untilShown(world, /1 packet of the caller did not fit the way to the callee/);
  assert(lines.some((line) => /takes 600 bytes/.test(line)));
  // The error about it is not taken for the callee's voice.
  assert(lines.some((line) => /^The callee was never heard/.test(line)), lines.join("\n"));
});

Deno.test("show says once that there is no way to a party", async () => {
  await using world = await openWorld();
  await world.kamailio.open({ ...CALL, dnat: "203.0.113.5:7000" });
  const lines = await shown(world);
  const said = lines.filter((line) =>
    /no way for media from 192\.0\.2\.1 to 203\.0\.113\.5:7000/.test(line)
  );
  assert.equal(said.length, 1, lines.join("\n"));
  // What only looks is no cure.
  assert(
    lines.includes("See: ip route get 203.0.113.5 from 192.0.2.1 iif inside"),
    lines.join("\n"),
  );
  assert(!lines.some((line) => line.startsWith("Cure: ")), lines.join("\n"));
});

Deno.test("show tells apart whose packets do not fit where both parties have one relay port", async () => {
  const one = "192.0.2.1:20000";
  await using world = await openWorld({
    ini: { kernel: { internal_ip: "192.0.2.1", external_ip: "192.0.2.1" } },
    prepare: ({ relay }) => void relay.ip("link", "set", "outside", "mtu", "600"),
  });
  await world.kamailio.open({ ...CALL, snat: one, dst: one });
  world.caller(6000).rtp.send(new Uint8Array(1000).fill(0x80), one);
  await untilShown(world, /1 packet of the caller did not fit the way to the callee/);
  const { ways } = await world.show();
  assert.deepEqual(ways.map(({ to, tooBigPackets }) => [to, tooBigPackets]), [
    ["caller", 0],
    ["callee", 1],
  ]);
});
