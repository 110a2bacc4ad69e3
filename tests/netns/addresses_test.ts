import { strict as assert } from "node:assert";
import type { ReloadView } from "../../src/control/admin.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { type Ini, PROGRAM } from "./daemon.ts";
import { diagnose } from "./doctor.ts";
import { CALL, type Call } from "./kamailio.ts";
import { openWorld, type World } from "./world.ts";

const SWAPPED: Ini = { kernel: { internal_ip: "192.0.2.1", external_ip: "10.10.1.1" } };
const TYPO: Ini = { kernel: { external_ip: "192.0.2.11" } };

/** The call as Kamailio opens it when lrkproxy has told it the addresses the wrong way round. */
const CROSSED: Call = { ...CALL, snat: "192.0.2.1:20002", dst: "10.10.1.1:20000" };

async function sides(world: World): Promise<Finding> {
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
  const [found] = of("media.sides");
  assert(found);
  return found;
}

/** What check-config prints on the relay, which has to end well. */
function checkConfig({ relay, daemon }: World): string {
  return relay.command(PROGRAM, "check-config", "--config", daemon.configPath);
}

Deno.test("doctor: swapped addresses are named by the calls that are up, with the lines that cure it", async () => {
  await using world = await openWorld({ ini: SWAPPED });
  await world.kamailio.open(CROSSED);
  const found = await sides(world);
  assert.equal(found.severity, "fail");
  assert.match(
    found.what,
    /internal_ip and external_ip look swapped: .*10\.10\.1\.10 is reached by inside and told 192\.0\.2\.1/,
  );
  assert.match(
    found.remedy[0] ?? "",
    /^\[kernel\] in .*: internal_ip : 10\.10\.1\.1, external_ip : 192\.0\.2\.1$/,
  );
  // The file is right then, and Kamailio alone goes by what it was.
  await world.daemon.reload({});
  const reloaded = await sides(world);
  assert.equal(reloaded.severity, "fail");
  assert.match(reloaded.what, /Kamailio gives out internal_ip and external_ip the wrong way round/);
  assert.deepEqual(reloaded.remedy, ["restart Kamailio"]);
  // A call from before Kamailio has asked anew says nothing of what it was told then.
  await world.kamailio.config();
  await world.kamailio.open({
    ...CALL,
    id: "after@test",
    snat: "10.10.1.1:20006",
    dst: "192.0.2.1:20004",
  });
  assert.match((await sides(world)).what, /parties are reached/);
  await world.kamailio.close(CROSSED);
  await world.daemon.kill("SIGTERM");
  world.daemon.configure({});
  await world.daemon.start();
  await world.kamailio.open(CALL);
  const cured = await sides(world);
  assert.deepEqual(
    [cured.severity, /parties are reached/.test(cured.what)],
    ["ok", true],
    cured.what,
  );
});

Deno.test("doctor: a file that was changed is judged, whatever Kamailio still gives out", async () => {
  await using world = await openWorld();
  await world.daemon.reload(SWAPPED);
  assert.match((await sides(world)).what, /internal_ip 192\.0\.2\.1 is public/);
  await world.kamailio.open(CALL);
  const found = await sides(world);
  assert.equal(found.severity, "warn");
  assert.match(
    found.what,
    /look swapped: .*10\.10\.1\.10, which is reached by inside, is told 10\.10\.1\.1/,
  );
  assert.match(
    found.remedy.join("\n"),
    /internal_ip : 10\.10\.1\.1, external_ip : 192\.0\.2\.1\n.*need not be restarted/,
  );
  await world.daemon.reload({});
  assert.match((await sides(world)).what, /parties are reached/);
});

Deno.test("doctor: addresses look swapped without a call too, by their kind or by the default route", async () => {
  await using world = await openWorld({ ini: SWAPPED });
  assert.match((await sides(world)).what, /internal_ip 192\.0\.2\.1 is public/);
  await using other = await openWorld({
    prepare: ({ relay }) => {
      relay.ip("address", "add", "10.20.1.1/24", "dev", "outside");
      relay.ip("route", "add", "default", "via", "10.10.1.10");
    },
    ini: { kernel: { external_ip: "10.20.1.1" } },
  });
  const found = await sides(other);
  assert.equal(found.severity, "warn");
  assert.match(found.what, /the default route leaves by inside/);
});

Deno.test("doctor: a wrong media address is named with its key and the addresses that there are", async () => {
  await using world = await openWorld({ ini: TYPO });
  const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
  const found = of("media.address").find(({ severity }) => severity === "fail");
  assert.match(found?.what ?? "", /192\.0\.2\.11 \(\[kernel\] external_ip\)/);
  assert.match(
    found?.remedy.join("\n") ?? "",
    /^or, if it is wrong, \[kernel\] external_ip in .*: one of .*10\.10\.1\.1 on inside, 192\.0\.2\.1 on outside.*lrkproxy reload/m,
  );
});

Deno.test("check-config and reload name an address that no interface has, and swapped ones", async () => {
  await using world = await openWorld();
  const cases: readonly (readonly [Ini, RegExp | null])[] = [
    [{}, null],
    [
      TYPO,
      /^warning: line \d+: \[kernel\] external_ip 192\.0\.2\.11: no interface of this machine has/m,
    ],
    [
      SWAPPED,
      /^warning: lines \d+ and \d+: \[kernel\] internal_ip and external_ip look swapped: .*external_ip : 192\.0\.2\.1$/m,
    ],
  ];
  for (const [ini, says] of cases) {
    world.daemon.configure(ini);
    const checked = checkConfig(world);
    const reloaded = await world.daemon.reload(ini);
    const { reload } = await world.daemon.json<{ reload: ReloadView }>("reload");
    assert.match(checked, / is valid\.\n/);
    for (const text of [checked, reloaded, `warning: ${reload.warnings?.join("\n")}`]) {
      if (says) assert.match(text, says);
      else assert.doesNotMatch(text, /interface|swapped/);
    }
  }
});
