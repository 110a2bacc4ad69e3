/** On which addresses commands are taken, from which they are answered, and those that come later. */
import { strict as assert } from "node:assert";
import { buildRelayNetwork, type Namespace } from "../../src/netns/namespaces.ts";
import { Daemon, type Ini } from "./daemon.ts";
import { Kamailio } from "./kamailio.ts";
import { until } from "./until.ts";
import { openWorld } from "./world.ts";

const ASKED = 5;

/** Ask P by a connected socket, as Kamailio does, which hears nothing from other addresses. */
const ASKING = `
import socket, sys
host, source = sys.argv[1], sys.argv[2]
to = socket.getaddrinfo(host, 8080, type=socket.SOCK_DGRAM)[0]
client = socket.socket(to[0], socket.SOCK_DGRAM)
if source: client.bind(socket.getaddrinfo(source, 0, type=socket.SOCK_DGRAM)[0][4])
client.connect(to[4])
client.settimeout(0.5)
answers = 0
for i in range(${ASKED}):
    try:
        client.send(b"1_%d P" % i)
        answers += client.recv(100) == b"1_%d P PONG" % i
    except OSError:
        pass
print(answers)
`;

/** How many of {@link ASKED} requests are answered. */
function answers(place: Namespace, host: string, source = ""): number {
  return Number(place.command("python3", "-c", ASKING, host, source));
}

const ALLOW = { allow: "127.0.0.0/8, 10.10.1.0/24, fd00:1::/64, fe80::/10" };

/** Further addresses of the link between caller and relay. */
function addAddresses({ relay, caller }: { relay: Namespace; caller: Namespace }): void {
  relay.ip("address", "add", "10.10.1.2/24", "dev", "inside");
  for (const host of ["fd00:1::1", "fd00:1::2", "fe80::1:1"]) {
    relay.ip("address", "add", `${host}/64`, "dev", "inside", "nodad");
  }
  for (const host of ["fd00:1::10", "fe80::1:10"]) {
    caller.ip("address", "add", `${host}/64`, "dev", "eth0", "nodad");
  }
}

for (const host of ["0.0.0.0", "::"]) {
  Deno.test(`a daemon that listens on ${host} answers from the address that was asked`, async () => {
    await using world = await openWorld({
      ini: { "UDP socket": { socket_udp_host: host, ...ALLOW } },
      prepare: addAddresses,
    });
    const asked = ["10.10.1.1", "10.10.1.2", "192.0.2.1"];
    if (host === "::") asked.push("fd00:1::1", "fd00:1::2", "fe80::1:1%eth0");
    const answered = asked.map((each) => [each, answers(world.net.caller, each)]);
    assert.deepEqual(answered, asked.map((each) => [each, ASKED]));
    assert.equal(answers(world.relay, "127.0.0.7"), ASKED);
  });
}

Deno.test("commands from a link-local address are answered, whatever the daemon listens on", async () => {
  const cases = [
    ["::", "fe80::1:1%eth0"],
    ["::", "fd00:1::2"],
    ["fd00:1::1", "fd00:1::1"],
    ["fe80::1:1%inside", "fe80::1:1%eth0"],
  ] as const;
  await using world = await openWorld({
    ini: { "UDP socket": { socket_udp_host: "::1", ...ALLOW } },
    prepare: addAddresses,
  });
  for (const [listens, asked] of cases) {
    await world.daemon.reload({ "UDP socket": { socket_udp_host: listens, ...ALLOW } });
    assert.equal(
      answers(world.net.caller, asked, "fe80::1:10%eth0"),
      ASKED,
      `${listens}, ${asked}`,
    );
  }
});

Deno.test("a control port that the relay's own table would swallow is refused", async () => {
  const onMedia = (port: number) => ({
    "UDP socket": { socket_udp_host: "10.10.1.1", socket_udp_port: port, ...ALLOW },
  });
  const ini = { ...onMedia(8080), kernel: { start_port: 40000, end_port: 50000 } };
  await using world = await openWorld({ ini });
  for (const host of ["0.0.0.0", "::", "10.10.1.1"]) {
    world.daemon.configure({
      "UDP socket": { socket_udp_host: host, socket_udp_port: 20001, ...ALLOW },
    });
    const { code, error } = await world.daemon.cli("check-config");
    assert.equal(code, 1);
    assert.match(error, /\.ini:\d+: \[kernel\] control port 20001 .* among the relay's own ports/);
  }
  // Calls of the configuration before may still use its ports.
  world.daemon.configure({ ...onMedia(40001) });
  assert.equal((await world.daemon.cli("check-config")).code, 0);
  const { code, error } = await world.daemon.cli("reload");
  assert.equal(code, 1);
  assert.match(
    error,
    /udp:10\.10\.1\.1:40001 of .*: port 40001 is among the relay's own ports, 40000 to 50004/,
  );
  assert.equal(answers(world.net.caller, "10.10.1.1"), ASKED);
});

/** The address that keepalived or DHCP brings later. */
const LATER = "10.10.1.7";

function listening(host: string): Ini {
  return { "UDP socket": { socket_udp_host: host, socket_udp_port: 8080, ...ALLOW } };
}

Deno.test("a daemon waits for a control address, says so, serves the others, and then serves it", async () => {
  const second: Ini = {
    "instance second": {
      control_host: "127.0.0.1",
      control_port: 8081,
      start_port: 40000,
      end_port: 50000,
    },
    metrics: { listen: "[::1]:9477" },
  };
  await using world = await openWorld({
    ini: { ...listening(LATER), ...second },
    prepare: ({ relay }) => relay.setSysctl("ipv6/conf/lo/disable_ipv6", "1"),
  });
  await world.use(new Kamailio(world.relay, { port: 8081 })).ping();
  const expected = [
    `udp:${LATER}:8080 of instance "default" is not served: no interface has the address; it is as soon as that changes`,
    "http://[::1]:9477 of [metrics] is not served: no interface has the address; it is as soon as that changes",
  ];
  const { warnings } = await world.status();
  assert.deepEqual(expected.filter((each) => !warnings.includes(each)), []);
  for (const each of expected) assert.ok(world.daemon.log.includes(each), each);

  world.relay.ip("address", "add", `${LATER}/24`, "dev", "inside");
  const come = performance.now();
  await world.daemon.waitForLog(`socket=udp:${LATER}:8080`);
  assert.ok(performance.now() - come < 2000);
  assert.equal(answers(world.net.caller, LATER), ASKED);
  world.relay.setSysctl("ipv6/conf/lo/disable_ipv6", "0");
  await world.daemon.waitForLog("at=[::1]:9477");
  await until("no warning is left", async () => {
    const now = await world.status();
    return expected.every((each) => !now.warnings.includes(each));
  });

  world.relay.ip("address", "delete", `${LATER}/24`, "dev", "inside");
  await world.daemon.waitForLog("no interface has its address any more");
  world.relay.ip("address", "add", `${LATER}/24`, "dev", "inside");
  assert.equal(answers(world.net.caller, LATER), ASKED);
});

Deno.test("a reload to an address or interface that is not there says that it waits", async () => {
  await using world = await openWorld({ ini: listening("10.10.1.1"), prepare: addAddresses });
  for (
    const [host, reason] of [
      [
        LATER,
        /10\.10\.1\.7:8080 of instance "default" is not served: no interface has the address/,
      ],
      ["fe80::1:7%later", /\[fe80::1:7%later\]:8080 .* no interface of that name/],
    ] as const
  ) {
    assert.match(await world.daemon.reload(listening(host)), reason);
  }
  const pair = ["type", "veth", "peer", "name", "later0", "netns", world.net.caller.name];
  world.relay.ip("link", "add", "later", ...pair);
  world.relay.ip("address", "add", "fe80::1:7/64", "dev", "later", "nodad");
  world.relay.ip("link", "set", "later", "up");
  world.net.caller.ip("link", "set", "later0", "up");
  await world.daemon.waitForLog("socket=udp:[fe80::1:7%later]:8080");
  assert.match(await world.daemon.reload(listening("10.10.1.1")), /./);
  assert.equal(answers(world.net.caller, "10.10.1.1"), ASKED);
});

Deno.test("a control port that another program has is an error that names the socket", async () => {
  using net = buildRelayNetwork();
  const rival = net.relay.run(() =>
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 8080 })
  );
  try {
    await using daemon = new Daemon(net.relay);
    daemon.spawn();
    assert.equal(await daemon.ended(), 1);
    assert.match(
      daemon.log,
      /Cannot listen on udp:127\.0\.0\.1:8080 of instance "default": .*address already in use/,
    );
  } finally {
    rival.close();
  }
});
