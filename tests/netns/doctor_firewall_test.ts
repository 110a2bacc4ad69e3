import { strict as assert } from "node:assert";
import type { CheckId, Finding } from "../../src/doctor/finding.ts";
import { carryOut, diagnose, shell } from "./doctor.ts";
import { CALL } from "./kamailio.ts";
import { until } from "./until.ts";
import { type Conversation, converse, openWorld, untilTwoWay } from "./world.ts";

/*
 * Each firewall is loaded for real, must be seen to drop the media of a running call, must be named,
 * and the remedies, carried out to the letter, must cure it.
 */

/** What Docker 20 to 27 makes of iptables' table filter, for one network. */
function docker(program: string): string {
  return ["DOCKER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER"]
    .map((chain) => `-N ${chain}`).concat([
      "-P FORWARD DROP",
      "-A FORWARD -j DOCKER-USER",
      "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
      "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "-A FORWARD -o docker0 -j DOCKER",
      "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
      "-A FORWARD -i docker0 -o docker0 -j ACCEPT",
      "-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2",
      "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
      "-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
      "-A DOCKER-ISOLATION-STAGE-2 -j RETURN",
      "-A DOCKER-USER -j RETURN",
    ]).map((rule) => `${program} ${rule}`).join("\n");
}

/** ufw itself, with a configuration of its own: `ip netns exec` gives it a mount namespace. */
const UFW = `
	folder=$(mktemp -d)
	trap 'umount /etc/ufw /etc/default/ufw; rm -rf "$folder"' EXIT
	cp -a /etc/ufw "$folder/etc"
	cp -a /etc/default/ufw "$folder/default"
	mount --bind "$folder/etc" /etc/ufw
	mount --bind "$folder/default" /etc/default/ufw
	ufw --force enable
`;

/** The chains of firewalld 1.x that forwarded packets pass, with its zone public on both sides. */
const FIREWALLD = `nft -f - <<'RULES'
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_FORWARD_ZONES
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD_ZONES {
		goto filter_FWD_public
	}
	chain filter_FWD_public {
		jump filter_FORWARD_POLICIES_pre
		jump filter_FWD_public_allow
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD_POLICIES_pre {
	}
	chain filter_FWD_public_allow {
	}
}
RULES`;

/** What the policy of the remedy becomes in firewalld's table. */
const FIREWALLD_POLICY = `
	nft add chain inet firewalld filter_FWD_lrkproxy_allow
	nft add rule inet firewalld filter_FORWARD_POLICIES_pre jump filter_FWD_lrkproxy_allow
	for address in 10.10.1.1 192.0.2.1; do
		nft add rule inet firewalld filter_FWD_lrkproxy_allow ip saddr "$address" \\
			udp sport 20000-30004 ct state '{ new, untracked }' accept
	done
`;

function chain(hook: string, rules: string): string {
  return `nft 'table inet foreign { chain c { type filter hook ${hook}; ${rules}; }; }'`;
}

interface Case {
  readonly name: string;
  readonly script: string;
  readonly id: CheckId;
  /** Who is named. */
  readonly says: RegExp;
  /** What stands in for remedies that cannot be carried out here. */
  readonly instead?: string;
}

const CASES: readonly Case[] = [
  {
    name: "a policy of drop by iptables-nft",
    script: "iptables-nft -P FORWARD DROP",
    id: "firewall.forward",
    says: /table ip filter \(iptables-nft\), chain FORWARD .*policy drop/,
  },
  {
    name: "a policy of drop by legacy iptables",
    script: "iptables-legacy -P FORWARD DROP",
    id: "firewall.forward",
    says: /table ip filter \(iptables-legacy\), chain FORWARD .*policy drop/,
  },
  {
    name: "Docker",
    script: docker("iptables-nft"),
    id: "firewall.forward",
    says: /Docker's table ip filter/,
  },
  {
    name: "Docker with legacy iptables",
    script: docker("iptables-legacy"),
    id: "firewall.forward",
    says: /Docker's table ip filter \(iptables-legacy\)/,
  },
  {
    name: "firewalld",
    script: FIREWALLD,
    id: "firewall.forward",
    says: /firewalld's table inet firewalld, chain filter_FORWARD .*reject/,
    instead: FIREWALLD_POLICY,
  },
  {
    name: "an nft firewall that accepts established connections only",
    script: chain("forward priority filter; policy drop", "ct state established,related accept"),
    id: "firewall.forward",
    says: /table inet foreign, chain c .*policy drop/,
  },
  {
    name: "a rule with a verdict map",
    script: chain(
      "forward priority filter",
      "ct state vmap { established : accept, related : accept, untracked : drop }",
    ),
    id: "firewall.forward",
    says: /ct state vmap/,
  },
  {
    name: "a guard against forged addresses behind the relay",
    script: chain("prerouting priority mangle", "ip saddr { 10.10.1.1, 192.0.2.1 } drop"),
    id: "firewall.prerouting",
    says: /table inet foreign, chain c drops/,
  },
  {
    name: "a rule before the relay",
    script: chain("prerouting priority -310", "udp dport 10000-40000 drop"),
    id: "firewall.prerouting",
    says: /to 10\.10\.1\.1:20000 on inside/,
  },
  {
    name: "a rule at the interface",
    script:
      `nft 'table netdev early { chain c { type filter hook ingress device "inside" priority 0; meta l4proto udp drop; }; }'`,
    id: "firewall.ingress",
    says: /table netdev early, chain c .* on inside/,
  },
  {
    name: "a rule where packets leave",
    script: chain("postrouting priority filter", 'oifname { "inside", "outside" } ip ttl < 65 drop')
      .replace("ip ttl < 65 ", ""),
    id: "firewall.postrouting",
    says: /table inet foreign, chain c drops/,
  },
];

/** Media that are sent from now on do not arrive. */
async function untilBlocked(conversation: Conversation): Promise<void> {
  const heard = (): number =>
    [conversation.caller, conversation.callee].reduce((sum, { rtp }) => sum + rtp.heard.length, 0);
  const sent = (): number =>
    [conversation.fromCaller, conversation.fromCallee].reduce((sum, { rtp }) => sum + rtp.sent, 0);
  await until("a while passes without media", async () => {
    const before = { heard: heard(), sent: sent() };
    await until("more is sent", () => sent() > before.sent + 20);
    return heard() < before.heard + 15;
  });
}

for (const { name, script, id, says, instead } of CASES) {
  Deno.test(`doctor: ${name} drops media, is named, and its remedy cures it`, async () => {
    await using world = await openWorld();
    const run = { config: world.daemon.configPath };
    await world.kamailio.open(CALL);
    const conversation = await converse(world.caller(6000), world.callee(7000));
    assert.deepEqual((await diagnose(world.relay, run)).of(id).map(({ severity }) => severity), [
      "ok",
    ]);
    await shell(world.relay, script);
    await untilBlocked(conversation);
    const sick = await diagnose(world.relay, run);
    assert.equal(sick.code, 1);
    const found = sick.of(id).find(({ severity }) => severity === "fail");
    assert(found && says.test(found.what), JSON.stringify(sick.of(id)));
    assert.match(found.why ?? "", /does not override a drop/);
    if (instead) await shell(world.relay, instead);
    else await carryOut(world.relay, found);
    await untilTwoWay(conversation);
    assert.deepEqual((await diagnose(world.relay, run)).of(id).map(({ severity }) => severity), [
      "ok",
    ]);
  });
}

Deno.test("doctor: a range that ends before the last call's ports is named, and cured", async () => {
  await using world = await openWorld();
  const run = { config: world.daemon.configPath };
  const last = { ...CALL, snat: "10.10.1.1:30002", dst: "192.0.2.1:30000" };
  await world.kamailio.open(last);
  const conversation = await converse(world.caller(6000), world.callee(7000), last);
  await shell(
    world.relay,
    chain("forward priority filter; policy drop", "udp sport 20000-30000 accept"),
  );
  await assert.rejects(untilTwoWay(conversation, 1000));
  const [found] = (await diagnose(world.relay, run)).of("firewall.forward");
  assert(found?.severity === "fail" && /:3000[1-4] /.test(found.what), found?.what);
  await carryOut(world.relay, found);
  await untilTwoWay(conversation);
});

Deno.test("doctor: ufw drops media, is named, and its remedy cures it", async () => {
  await using world = await openWorld();
  const run = { config: world.daemon.configPath };
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await shell(world.relay, UFW);
  await untilBlocked(conversation);
  const [found] = (await diagnose(world.relay, run)).of("firewall.forward");
  assert(found?.severity === "fail" && /ufw's table ip filter/.test(found.what), found?.what);
  assert.equal(found.remedy.length, 2);
  await shell(world.relay, `${UFW}\n${found.remedy.join("\n")}`);
  await untilTwoWay(conversation);
  const cured = await diagnose(world.relay, run);
  assert.deepEqual(cured.of("firewall.forward").map(({ severity }) => severity), ["ok"]);
});

Deno.test("doctor: firewalls that let media pass are no finding", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  for (
    const rules of [
      "udp sport 20000-30004 ip saddr { 10.10.1.1, 192.0.2.1 } accept",
      "ip saddr . udp sport { 10.10.1.1 . 20000-30004, 192.0.2.0/24 . 1024-65535 } accept",
      'iifname { "inside", "outside" } oifname { "in*", "out*" } accept',
      "ct state vmap { invalid : drop, untracked : accept }",
      "meta l4proto { tcp, udp } th sport 1024-65535 accept",
      "ip protocol != icmp accept",
    ]
  ) {
    await shell(
      world.relay,
      `nft delete table inet foreign 2>/dev/null || true
      ${chain("forward priority filter; policy drop", rules)}`,
    );
    await untilTwoWay(conversation);
    const findings = (await diagnose(world.relay, { config: world.daemon.configPath }))
      .of("firewall.forward");
    assert.deepEqual(findings.map(({ severity }) => severity), ["ok"], rules);
  }
});

Deno.test("doctor: rules that it cannot read are said to be so", async () => {
  await using world = await openWorld();
  for (
    const rules of [
      "meta mark 0x1234 accept",
      "ip ttl > 200 accept",
      "ip daddr 10.0.0.0/8 accept",
      "limit rate 10/second accept",
    ]
  ) {
    await shell(
      world.relay,
      `nft delete table inet foreign 2>/dev/null || true
      ${chain("forward priority filter; policy drop", rules)}`,
    );
    const [found] = (await diagnose(world.relay, { config: world.daemon.configPath }))
      .of("firewall.forward");
    assert.equal(found?.severity, "warn", rules);
    assert.match(found.what, /cannot tell/);
  }
});

Deno.test("doctor: a rule for some parties is named when a live call is with one, and said otherwise", async () => {
  await using world = await openWorld();
  const found = async (): Promise<Finding> => {
    const { of } = await diagnose(world.relay, { config: world.daemon.configPath });
    const [first] = of("firewall.forward");
    assert(first);
    return first;
  };
  const load = (rule: string): Promise<string> =>
    shell(
      world.relay,
      `nft delete table inet foreign 2>/dev/null || true
      ${chain("forward priority -5", `${rule} drop`)}`,
    );
  await load("ip daddr 192.0.2.0/24");
  const before = await found();
  assert.equal(before.severity, "warn");
  assert.match(before.what, /does not let media of some parties pass: rule ".*192\.0\.2\.0/);
  await world.kamailio.open(CALL);
  const conversation = {
    caller: world.caller(6000),
    callee: world.callee(7000),
  };
  const fromCaller = conversation.caller.talk(CALL.snat);
  const fromCallee = conversation.callee.talk(CALL.dst);
  for (const rule of ["ip daddr 192.0.2.20", "udp dport 7000", "ip daddr 192.0.2.0/24"]) {
    await load(rule);
    const { severity, what } = await found();
    assert.equal(severity, "warn", rule);
    assert.match(
      what,
      /drops media of live calls .* from 192\.0\.2\.1:20000 to 192\.0\.2\.20:7000/,
    );
  }
  await carryOut(world.relay, await found());
  await untilTwoWay({ ...conversation, fromCaller, fromCallee });
  assert.equal((await found()).severity, "ok");
  await load("ip daddr 192.0.2.21");
  const other = await found();
  assert.deepEqual([other.severity, /no call is up with one/.test(other.what)], ["ok", true]);
});
