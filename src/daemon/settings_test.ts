import assert from "node:assert/strict";
import { config } from "../../tests/golden/views.ts";
import { formatIpv4 } from "../base/ipv4.ts";
import type { Config, InstanceConfig } from "../config/config.ts";
import { instanceOf, type Settings, settingsOf } from "./settings.ts";

const FIRST = settingsOf(config(), []);

/** The settings after a reload that changes the instance "default", or takes it away. */
function changed(variant: Partial<InstanceConfig> | null, before: Settings = FIRST): Settings {
  const instances = config().instances.flatMap((instance) => {
    if (instance.name !== "default") return [instance];
    return variant ? [{ ...instance, ...variant }] : [];
  });
  const after: Config = { ...config(), instances };
  return settingsOf(after, [], before);
}

function addresses(settings: Settings, name: string): Readonly<Record<string, string>> {
  const known = settings.admissions.get(name)?.localAddress ?? new Map<string, number>();
  return Object.fromEntries([...known].map(([ip, local]) => [ip, formatIpv4(local)]));
}

Deno.test("settingsOf() keeps no former instance where what calls are bound to stays", () => {
  assert.deepEqual(changed({}).former, []);
  assert.deepEqual(changed({ currentPort: 20800, unix: null }).former, []);
});

Deno.test("settingsOf() keeps old addresses valid and old ports guarded", () => {
  const settings = changed({ internalIp: "10.10.1.9", internalLocal: "10.10.1.9", endPort: 20999 });
  assert.deepEqual(addresses(settings, "default"), {
    "10.10.1.1": "10.10.1.1",
    "198.51.100.7": "192.0.2.1",
    "10.10.1.9": "10.10.1.9",
  });
  const guarded = settings.ranges.map(({ address, endPort }) => [formatIpv4(address), endPort]);
  assert.deepEqual(guarded, [
    ["10.10.1.1", 30003],
    ["10.10.1.9", 21003],
    ["10.10.2.1", 31003],
    ["192.0.2.1", 31003],
  ]);
});

Deno.test("settingsOf() lets an address be carried by another one from now on", () => {
  const settings = changed({ externalLocal: "192.0.2.9" });
  assert.equal(addresses(settings, "default")["198.51.100.7"], "192.0.2.9");
});

Deno.test("settingsOf() remembers each former instance once, and forgets one that is back", () => {
  const other = changed({ endPort: 20999 });
  const third = changed({ endPort: 20888 }, other);
  assert.deepEqual(third.former.map(({ endPort }) => endPort), [29999, 20999]);
  const back = changed({}, third);
  assert.deepEqual(back.former.map(({ endPort }) => endPort), [20999, 20888]);
  assert.equal(changed({}, back).former.length, 2);
});

Deno.test("instanceOf() finds an instance as it is, or as it was last", () => {
  assert.equal(instanceOf(changed({ endPort: 20999 }), "default")?.endPort, 20999);
  assert.equal(instanceOf(changed(null, changed({ endPort: 20999 })), "default")?.endPort, 20999);
  assert.equal(instanceOf(FIRST, "unknown"), undefined);
});

Deno.test("settingsOf() knows how an instance was at first, and since when its addresses are in force", () => {
  const at = (nowMs: number, variant: Partial<InstanceConfig>, before?: Settings): Settings => {
    const [instance, ...others] = config().instances;
    assert(instance);
    const instances = [{ ...instance, ...variant }, ...others];
    return settingsOf({ ...config(), instances }, [], before, nowMs);
  };
  const history = ({ addressed }: Settings): readonly unknown[] => {
    const { first, sinceMs } = addressed.get("default") ?? {};
    return [first?.internalIp, sinceMs];
  };
  const first = at(1, {});
  assert.deepEqual(history(first), ["10.10.1.1", 1]);
  const ports = at(2, { endPort: 20999 }, first);
  assert.deepEqual(history(ports), ["10.10.1.1", 1]);
  const moved = at(3, { internalIp: "10.10.1.9" }, ports);
  assert.deepEqual(history(moved), ["10.10.1.1", 3]);
  assert.deepEqual(history(at(4, {}, moved)), ["10.10.1.1", 4]);
});
