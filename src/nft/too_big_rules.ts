import type { SetName } from "./elements.ts";
import { EQUAL, inNetwork, inTransport, type RuleWriter, UNEQUAL, UPDATE } from "./rule_writer.ts";

/*
 * Rules of the chain `too_big`, which gets ICMP "fragmentation needed" alone. Such an error quotes the packet
 * as the relay sent it, from the relay's socket to a party. What that party sends back to this socket is in our
 * maps with the way to the other party, which is the one that has sent the packet: the error goes to it, and
 * quotes the packet as it was sent there (RFC 5508, 4; docs/adr/0012). All is read little-endian, as ports
 * are in the maps.
 */

/** The ICMP header has eight bytes; the quoted IP header must have twenty. */
const ICMP_CHECKSUM = 2;
const NEXT_HOP_MTU = inTransport(6, 2);
const QUOTED_VERSION = inTransport(8, 1);
const QUOTED_FRAGMENT = inTransport(14, 2);
const QUOTED_PROTOCOL = inTransport(17, 1);
const QUOTED_IP_CHECKSUM = 18;
const QUOTED_SOURCE = inTransport(20, 4);
const QUOTED_DESTINATION = inTransport(24, 4);
const QUOTED_SOURCE_PORT = inTransport(28, 2);
const QUOTED_DESTINATION_PORT = inTransport(30, 2);
const QUOTED_UDP_CHECKSUM_AT = 34;
const QUOTED_UDP_CHECKSUM = inTransport(QUOTED_UDP_CHECKSUM_AT, 2);

const OUTER_ADDRESSES = inNetwork(12, 8);
const OUTER_CHECKSUM = 10;

/** Registers: the key, and what is found. */
const REMOTE = 0;
const LOCAL = 1;
const FOUND_LOCAL = 4;
const FOUND_REMOTE = 5;
const FOUND_PORTS = 6;
const FOUND_REMOTE_PORT = 7;
/** The key of `too_big_flows`: relay socket, party's socket, MTU. */
const NOTED = 8;

/** Errors about packets to a party whose own port is locked. */
export function legsTooBig(hasChecksum: boolean): (rule: RuleWriter) => void {
  return (rule) => {
    loadKey(quotesUdp(rule, hasChecksum)).load(2, QUOTED_DESTINATION_PORT).load(
      3,
      QUOTED_SOURCE_PORT,
    );
    translate(rule, { set: "legs", hasChecksum });
  };
}

/** Errors about packets to a party that may speak from any port. */
export function openTooBig(hasChecksum: boolean): (rule: RuleWriter) => void {
  return (rule) => {
    loadKey(quotesUdp(rule, hasChecksum)).load(2, QUOTED_SOURCE_PORT);
    translate(rule, { set: "open", hasChecksum });
  };
}

/** The packet that is quoted is UDP, and no later fragment; its checksum is there, or is none. */
function quotesUdp(rule: RuleWriter, hasChecksum: boolean): RuleWriter {
  return rule.load(0, QUOTED_VERSION).compare(0, EQUAL, [0x45])
    .load(0, QUOTED_PROTOCOL).compare(0, EQUAL, [17])
    .load(0, QUOTED_FRAGMENT).mask(0, [0x1f, 0xff]).compare(0, EQUAL, [0, 0])
    .load(0, QUOTED_UDP_CHECKSUM).compare(0, hasChecksum ? UNEQUAL : EQUAL, [0, 0]);
}

function loadKey(rule: RuleWriter): RuleWriter {
  return rule.load(REMOTE, QUOTED_DESTINATION).load(LOCAL, QUOTED_SOURCE);
}

function translate(
  rule: RuleWriter,
  { set, hasChecksum }: { readonly set: SetName; readonly hasChecksum: boolean },
): void {
  rule.lookUp(set, FOUND_LOCAL).secondHalf(FOUND_PORTS, FOUND_REMOTE_PORT);
  loadFlow(rule).count().notrack();
  if (hasChecksum) coverAddressesByUdp(rule);
  writeAddresses(rule, QUOTED_IP_CHECKSUM);
  writePorts(rule, hasChecksum);
  rule.write(FOUND_LOCAL, OUTER_ADDRESSES, { at: OUTER_CHECKSUM });
  // For `lrkproxy show`. A set that is full ends the rule, so this comes last: the error goes on as it is by now.
  rule.note("too_big_flows", UPDATE, { key: NOTED }).accept();
}

/** Load whose packets do not fit, before they are rewritten. */
function loadFlow(rule: RuleWriter): RuleWriter {
  return rule.load(NOTED, QUOTED_SOURCE).load(NOTED + 1, QUOTED_SOURCE_PORT)
    .load(NOTED + 2, QUOTED_DESTINATION).load(NOTED + 3, QUOTED_DESTINATION_PORT)
    .load(NOTED + 4, NEXT_HOP_MTU);
}

/**
 * Three checksums are over the quoted addresses: IP's and UDP's in the quotation, and that of ICMP over all of it.
 * A write keeps one of them right. So the new addresses are written for UDP's, then the old ones again for that of
 * ICMP, and then, where the rule goes on, the new ones for IP's: a change with its own checksum beside it
 * changes no sum over both.
 */
function coverAddressesByUdp(rule: RuleWriter): void {
  writeAddresses(rule, QUOTED_UDP_CHECKSUM_AT);
  rule.write(LOCAL, QUOTED_SOURCE, { at: ICMP_CHECKSUM })
    .write(REMOTE, QUOTED_DESTINATION, { at: ICMP_CHECKSUM });
}

function writeAddresses(rule: RuleWriter, at: number): void {
  rule.write(FOUND_REMOTE, QUOTED_SOURCE, { at }).write(FOUND_LOCAL, QUOTED_DESTINATION, { at });
}

/** Without a UDP checksum, that of ICMP is the only one over the ports. */
function writePorts(rule: RuleWriter, hasChecksum: boolean): void {
  const at = hasChecksum ? QUOTED_UDP_CHECKSUM_AT : ICMP_CHECKSUM;
  rule.write(FOUND_REMOTE_PORT, QUOTED_SOURCE_PORT, { at })
    .write(FOUND_PORTS, QUOTED_DESTINATION_PORT, { at });
}
