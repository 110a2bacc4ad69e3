import { strict as assert } from "node:assert";
import { readSmallFile } from "../../src/base/libc.ts";
import type { Namespace } from "../../src/netns/namespaces.ts";
import { CALL } from "./kamailio.ts";
import { runIn } from "./kernel.ts";
import { until } from "./until.ts";
import { converse, openWorld } from "./world.ts";

function sysctl(place: Namespace, name: string): string | undefined {
  return place.run(() => readSmallFile(`/proc/sys/net/ipv4/${name}`)?.trim());
}

/** Every IPv4 setting that no media interface owns. */
async function settingsElsewhere(place: Namespace): Promise<string> {
  const files = "/proc/sys/net/ipv4/*[^s] /proc/sys/net/ipv4/conf/{all,default,lo,spare}/*";
  return await runIn(place, "bash", "-c", `grep -s '' ${files} || [ $? -eq 2 ]`);
}

/** A relay as a distribution sets it up: no forwarding, strict filters, one more interface. */
function distribution(relay: Namespace): void {
  relay.ip("link", "add", "spare", "type", "veth", "peer", "name", "beyond");
  relay.ip("address", "add", "198.51.100.1/24", "dev", "spare");
  relay.ip("link", "set", "spare", "up");
  for (const name of ["all", "default", "spare", "inside", "outside"]) {
    relay.setSysctl(`ipv4/conf/${name}/rp_filter`, "1");
  }
}

Deno.test("settings are changed on the media interfaces alone, and told in the status", async () => {
  let before = "";
  await using world = await openWorld({
    prepare: async ({ relay }) => {
      distribution(relay);
      before = await settingsElsewhere(relay);
    },
  });
  assert.equal(await settingsElsewhere(world.relay), before);
  assert.match(before, /\/ip_forward:0\n/);
  assert.match(before, /spare\/forwarding:0\n/);

  const needed = ["forwarding=1", "accept_local=1", "rp_filter=2", "send_redirects=0"];
  const expected = ["inside", "outside"].flatMap((link) =>
    needed.map((setting) => `net.ipv4.conf.${link}.${setting}`.split("="))
  );
  const { sysctls, warnings } = await world.status();
  assert.deepEqual({ ...sysctls }, Object.fromEntries(expected));
  for (const [name, value] of Object.entries(sysctls)) {
    assert.equal(sysctl(world.relay, name.slice("net.ipv4.".length).replaceAll(".", "/")), value);
  }
  assert.deepEqual(warnings, []);

  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
});

Deno.test("a media address that comes later is missed aloud, and then served", async () => {
  await using world = await openWorld({
    prepare: ({ relay }) => void relay.ip("address", "del", "192.0.2.1/24", "dev", "outside"),
  });
  assert.match((await world.status()).warnings.join(), /192\.0\.2\.1/);
  assert.equal(sysctl(world.relay, "conf/outside/accept_local"), "0");
  world.relay.ip("address", "add", "192.0.2.1/24", "dev", "outside");
  await until("the new interface is prepared", async () => {
    return (await world.status()).warnings.length === 0;
  }, 15_000);
  assert.equal(sysctl(world.relay, "conf/outside/accept_local"), "1");
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
});

Deno.test("a setting that somebody resets is set again", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  world.relay.setSysctl("ipv4/conf/inside/accept_local", "0");
  await until("it is set again", () => {
    return sysctl(world.relay, "conf/inside/accept_local") === "1";
  }, 15_000);
});

Deno.test("advertised addresses may differ from those that carry the media", async () => {
  await using world = await openWorld({
    ini: {
      kernel: {
        internal_ip: "10.10.1.1",
        external_ip: "203.0.113.5",
        external_local: "192.0.2.1",
      },
    },
  });
  assert.equal((await world.kamailio.config()).externalIp, "203.0.113.5");
  await world.kamailio.open({ ...CALL, dst: "203.0.113.5:20000" });
  const { callee } = await converse(world.caller(6000), world.callee(7000));
  assert.deepEqual(callee.rtp.sources(), ["192.0.2.1:20000"]);
});
