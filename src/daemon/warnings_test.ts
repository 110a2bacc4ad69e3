import assert from "node:assert/strict";
import { makeSession } from "../../tests/contract/rig.ts";
import {
  oneWayWarning,
  refusalWarnings,
  remediesOf,
  roomWarning,
  strangerWarning,
  warningsOf,
} from "./warnings.ts";

Deno.test("oneWayWarning() speaks up for many one-way calls, and not for a few", () => {
  const cases: readonly (readonly [number, number, number, RegExp | null])[] = [
    [498, 0, 500, /^498 of 500 calls have RTP of the caller only: /],
    [0, 3, 3, /^3 of 3 calls have RTP of the callee only: /],
    [
      20,
      10,
      100,
      /^30 of 100 calls have RTP of one party only \(of the caller 20, of the callee 10\)/,
    ],
    [1, 1, 2, null],
    [24, 0, 100, null],
    [0, 0, 0, null],
  ];
  for (const [caller, callee, of, says] of cases) {
    const found = oneWayWarning({ caller, callee, of });
    assert.equal(found.length, says ? 1 : 0, `${caller} ${callee} ${of}`);
    if (says) assert.match(found[0] ?? "", says);
  }
});

Deno.test("refusalWarnings() tells of refused calls that somebody here can cure", () => {
  const refusals = new Map(
    [
      ["not-our-address", { calls: 1, lastMs: 0, message: '"192.0.2.1" is not a media address' }],
      ["collision", { calls: 2, lastMs: 0, message: "ports are in use" }],
      ["forbidden-remote", { calls: 9, lastMs: 0, message: "127.0.0.1" }],
    ] as const,
  );
  const found = refusalWarnings(refusals);
  assert.deepEqual(found, [
    '1 call was refused of late, and got no media (not-our-address): "192.0.2.1" is not a media address',
    "2 calls were refused of late, and got no media (collision): ports are in use",
  ]);
  assert.match(remediesOf(found[0] ?? "").join(), /^restart Kamailio, if/);
  assert.match(remediesOf(found[1] ?? "").join(), /^give each Kamailio an \[instance\] of its own/);
});

Deno.test("remediesOf() names a next step for every warning, never the command that prints it", () => {
  const cases = [
    [oneWayWarning({ caller: 5, callee: 0, of: 5 })[0] ?? "", /lrkproxy show CALL-ID/],
    [roomWarning(10, 20)[0] ?? "", /stop --drop/],
    [
      "No interface has the media address 10.10.1.1",
      /^ip address add 10\.10\.1\.1\/PREFIX .*\nor, if it is wrong, correct it /,
    ],
    ['Kamailio still gives out 10.10.1.3, which instance "default" had', /^restart Kamailio/],
    [
      'Kamailio at 10.0.0.5 still gives out 10.10.1.3, which instance "default" had before a reload',
      /^restart Kamailio/,
    ],
    [
      'Kamailio still gives out 192.0.2.1 as internal and 10.10.1.1 as external address, which instance "default" had before a reload',
      /^sudo lrkproxy doctor .*media\.sides.*\nrestart Kamailio, if the file is/,
    ],
    [
      'Kamailio still gives out 10.10.1.1, which instance "default" had before a reload; [kernel] internal_ip (/x.ini, line 4) is now 10.10.1.2, which no interface of this machine has (there are 10.10.1.1 on inside)',
      /^correct that first: \[kernel\] internal_ip \(\/x\.ini, line 4\) is now 10\.10\.1\.2, .* 10\.10\.1\.1 on inside\); then lrkproxy reload\nrestart Kamailio only after that/,
    ],
    [
      "Bridge br0 carries both (net.bridge.bridge-nf-call-iptables is 1): all media between parties are lost",
      /^sysctl -w net\.bridge\.bridge-nf-call-iptables=0 /,
    ],
    [
      "Bridge br0 carries both (its own nf_call_iptables is 1): all media between parties are lost",
      /^ip link set br0 type bridge nf_call_iptables 0 /,
    ],
    [
      "net.ipv4.conf.eth0.5.rp_filter is 1 but has to be 2: operation not permitted",
      /^sysctl -w net\/ipv4\/conf\/eth0\.5\/rp_filter=2$/,
    ],
    [
      "net.ipv4.conf.all.rp_filter is 1 but has to be 0: there is no IPv4 address on a, b, where it drops",
      /^sysctl -w net\/ipv4\/conf\/all\/rp_filter=0 .*\nor give an IPv4 address to a, b: /,
    ],
    ["Relay ports 1-2: add them to net.ipv4.ip_local_reserved_ports", /doctor --fix/],
    [strangerWarning("10.10.1.1"), /^if that is your Kamailio: add 10\.10\.1\.1 to/],
    ["something new", /journalctl/],
  ] as const;
  for (const [warning, remedy] of cases) {
    const remedies = remediesOf(warning);
    assert.match(remedies.join("\n"), remedy, warning);
    assert.doesNotMatch(remedies.join("\n"), /lrkproxy (status|doctor$)/m, warning);
  }
});

Deno.test("warningsOf() keeps those that a session may suffer from", () => {
  const session = makeSession();
  const own = [
    "No interface has the media address 192.0.2.1",
    "net.ipv4.conf.eth0.forwarding is 0 but has to be 1: read-only file system",
    `Relay ports 1-2 of instance "${session.instance}" overlap`,
    `Kamailio still gives out 192.0.2.1, which instance "${session.instance}" had before a reload`,
  ];
  const others = [
    "No interface has the media address 10.10.2.1",
    'Relay ports 1-2 of instance "second" overlap',
    'Kamailio still gives out 192.0.2.1, which instance "second" had before a reload',
  ];
  assert.deepEqual(warningsOf(session, [...own, ...others]), own);
});
