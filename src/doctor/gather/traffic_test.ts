import assert from "node:assert/strict";
import { parseReceived, parseSockets, parseSoftnet, parseTracked } from "./traffic.ts";

Deno.test("parseSockets() reads the lines of /proc/net/udp and udp6", () => {
  const head =
    "   sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops\n";
  const rest = "00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0";
  const text = `${head}  17: 0100007F:1F90 ${rest} 4711 2 0000000000000000 3\n`;
  assert.deepEqual(parseSockets(text), [{
    address: 0x7f000001,
    port: 8080,
    inode: "4711",
    drops: 3,
  }]);
  const any = "0".repeat(32);
  const six = `${head}  17: ${any}:4E20 ${any}:0000 07 0:0 0:0 0 0 0 4712 2 0 0\n` +
    `  18: 0000000000000000FFFF00000100007F:4E20 ${any}:0000 07 0:0 0:0 0 0 0 4713 2 0 0\n`;
  assert.deepEqual(parseSockets(six).map(({ address, port }) => [address, port]), [[0, 20000]]);
});

Deno.test("parseTracked() keeps the UDP connections", () => {
  const text =
    "ipv4     2 udp      17 29 src=10.10.1.10 dst=10.10.1.1 sport=6000 dport=20002 [UNREPLIED] src=10.10.1.1 dst=10.10.1.10 sport=20002 dport=6000 mark=0 zone=0 use=2\n" +
    "ipv4     2 tcp      6 299 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2\n";
  assert.deepEqual(parseTracked(text), [{
    sources: ["10.10.1.10", "10.10.1.1"],
    destinations: ["10.10.1.1", "10.10.1.10"],
    ports: [6000, 20002, 20002, 6000],
  }]);
});

Deno.test("parseSoftnet() reads packets and drops of each CPU", () => {
  assert.deepEqual(parseSoftnet("0000000a 00000001 00000000\n000000ff 00000000 00000000\n"), [
    { packets: 10, dropped: 1 },
    { packets: 255, dropped: 0 },
  ]);
  assert.deepEqual(parseSoftnet(""), []);
});

Deno.test("parseReceived() counts the packets of all interfaces but the loopback", () => {
  const text = "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n" +
    "    lo:  999      99    0    0    0     0          0         0      999      99\n" +
    "inside: 2000      20    0    0    0     0          0         0      111      11\n" +
    "eth0.5:300           3    0    0    0     0          0         0      111      11\n";
  assert.equal(parseReceived(text), 23);
  assert.equal(parseReceived(""), 0);
});
