import assert from "node:assert/strict";
import { config } from "../../tests/golden/views.ts";
import { parseAddress } from "../base/cidr.ts";
import type { Config, InstanceConfig } from "../config/config.ts";
import { Peers } from "../control/peers.ts";
import { formerWarnings, isOutdated, toldOf } from "./former_addresses.ts";
import { instanceOf, type Settings, settingsOf } from "./settings.ts";
import { remediesOf } from "./warnings.ts";

const OWN = [
  { interface: "inside", address: "10.10.1.1" },
  { interface: "inside", address: "10.10.1.3" },
  { interface: "outside", address: "192.0.2.1" },
  { interface: "inside", address: "10.10.2.1" },
];
const RIGHT = { externalIp: "192.0.2.1" };
const MOVED = { ...RIGHT, internalIp: "10.10.1.3", internalLocal: "10.10.1.3" };
const TYPO = { ...RIGHT, internalIp: "10.10.1.2", internalLocal: "10.10.1.2" };
const SWAPPED = {
  ...{ internalIp: "192.0.2.1", internalLocal: "192.0.2.1" },
  ...{ externalIp: "10.10.1.1", externalLocal: "10.10.1.1" },
};

/** A daemon and the Kamailios that talk to its instance "default"; each step is a second later. */
class Scene {
  readonly peers = new Peers();
  #settings: Settings;
  #nowMs = 0;

  constructor(variant: Partial<InstanceConfig>) {
    this.#settings = settingsOf(this.#config(variant), [], undefined, 0);
    this.peers.tells = (name) => {
      const instance = instanceOf(this.#settings, name);
      return instance ? toldOf(instance) : null;
    };
  }

  reload(variant: Partial<InstanceConfig>): this {
    const config = this.#config(variant);
    this.#settings = settingsOf(config, [], this.#settings, this.#nowMs += 1000);
    return this;
  }

  asks(peer = "127.0.0.1"): this {
    return this.#note("G", peer);
  }

  /** A Kamailio opens a call with the addresses that it goes by. */
  opens(addresses = ["10.10.1.1", "192.0.2.1"], peer = "127.0.0.1"): this {
    this.#note("S", peer).peers.noteOpened("default", addresses);
    return this;
  }

  warnings(): readonly string[] {
    return formerWarnings(this.peers, { settings: this.#settings, own: OWN, path: "/x.ini" });
  }

  isOutdated(): boolean | null {
    const instance = instanceOf(this.#settings, "default");
    assert(instance);
    return isOutdated(this.peers, instance, this.#settings);
  }

  #note(verb: "G" | "S", peer: string): this {
    const address = parseAddress(peer);
    assert(address.ok);
    this.peers.note("default", address.value, { verb, nowMs: this.#nowMs += 1000 });
    return this;
  }

  #config(variant: Partial<InstanceConfig>): Config {
    const [instance, ...others] = config().instances;
    assert(instance);
    return { ...config(), instances: [{ ...instance, ...variant }, ...others] };
  }
}

const STILL = 'Kamailio still gives out 10.10.1.1, which instance "default" had before a reload';
const FORMER = ["10.10.1.1", "192.0.2.1"];
const PRESENT = ["10.10.1.3", "192.0.2.1"];

const CASES: readonly (readonly [when: string, make: () => Scene, says: readonly string[]])[] = [
  ["nothing was changed", () => new Scene(RIGHT).asks().opens(), []],
  ["nobody has ever asked", () => new Scene(RIGHT).reload(MOVED), []],
  ["nobody has opened a call since", () => new Scene(RIGHT).asks().opens().reload(MOVED), []],
  ["it opens a call", () => new Scene(RIGHT).asks().reload(MOVED).opens(FORMER), [STILL]],
  ["it has asked before the start", () => new Scene(RIGHT).reload(MOVED).opens(FORMER), [STILL]],
  ["it asks anew", () => new Scene(RIGHT).asks().reload(MOVED).opens(FORMER).asks(), []],
  [
    "it was told other ones than these before the start",
    () => new Scene(RIGHT).reload(MOVED).opens(PRESENT),
    [],
  ],
  ["the reload is undone", () => new Scene(RIGHT).asks().reload(MOVED).opens().reload(RIGHT), []],
  [
    "the reload is undone and it opens another call",
    () => new Scene(RIGHT).asks().reload(MOVED).opens().reload(RIGHT).opens(),
    [],
  ],
  [
    "another one at the same address has asked",
    () => new Scene(RIGHT).asks().reload(MOVED).asks().opens(FORMER),
    [STILL],
  ],
  [
    "one of two has asked anew",
    () =>
      new Scene(RIGHT).asks().asks("10.0.0.5").reload(MOVED).asks().opens(PRESENT)
        .opens(FORMER, "10.0.0.5").opens(PRESENT),
    [STILL.replace("Kamailio", "Kamailio at 10.0.0.5")],
  ],
  [
    "both have",
    () =>
      new Scene(RIGHT).asks().asks("10.0.0.5").reload(MOVED).asks().opens(PRESENT)
        .opens(FORMER, "10.0.0.5").asks("10.0.0.5"),
    [],
  ],
  [
    "the addresses are the same the other way round",
    () => new Scene(SWAPPED).asks().reload(RIGHT).opens(["192.0.2.1", "10.10.1.1"]),
    [STILL.replace("10.10.1.1", "192.0.2.1 as internal and 10.10.1.1 as external address")],
  ],
  [
    "no interface has the new one",
    () => new Scene(RIGHT).asks().reload(TYPO).opens(FORMER),
    [
      `${STILL}; [kernel] internal_ip (/x.ini, line 3) is now 10.10.1.2, which no interface of this machine has ` +
      "(there are 10.10.1.1 on inside, 10.10.1.3 on inside, 192.0.2.1 on outside, 10.10.2.1 on inside)",
    ],
  ],
];

for (const [when, make, says] of CASES) {
  Deno.test(`formerWarnings() says what Kamailio still gives out when ${when}`, () => {
    assert.deepEqual(make().warnings(), says);
  });
}

Deno.test("formerWarnings() sends nobody to restart Kamailio while the file is wrong", () => {
  for (
    const [wrong, names] of [[TYPO, /internal_ip \(\/x\.ini, line 3\)/], [
      SWAPPED,
      /swapped/,
    ]] as const
  ) {
    const [warning = ""] = new Scene(RIGHT).asks().reload(wrong).opens().warnings();
    const [first = "", second = ""] = remediesOf(warning);
    assert.match(first, /^correct that first: /);
    assert.match(first, names);
    assert.match(second, /^restart Kamailio only after that/);
  }
});

Deno.test("isOutdated() tells whether a Kamailio goes by other addresses or ports than the file", () => {
  assert.equal(new Scene(RIGHT).reload(MOVED).isOutdated(), null);
  const told = () => new Scene(RIGHT).asks();
  assert.equal(told().isOutdated(), false);
  assert.equal(told().reload(MOVED).isOutdated(), true);
  assert.equal(told().reload({ ...RIGHT, endPort: 25_000 }).isOutdated(), true);
  assert.equal(told().reload(MOVED).reload(RIGHT).isOutdated(), false);
  assert.equal(told().reload(MOVED).asks().isOutdated(), false);
});
