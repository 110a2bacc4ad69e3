import {
  ADD,
  EQUAL,
  inNetwork,
  inTransport,
  type RuleWriter,
  UNEQUAL,
  UPDATE,
} from "./rule_writer.ts";

/*
 * Rules of the chain `prerouting`: look a flow up once and rewrite the packet with what was found.
 */

/** Where the look-up leaves source address, destination address and port pair. */
const FOUND = 4;
const SOURCE_PORT_FOUND = 7;
const ARRIVAL = 8;

/** The packet's id, three flags, and where its bytes lie in the datagram: four bytes take nft's short way. */
const FRAGMENT = inNetwork(4, 4);
const SOURCE_ADDRESS = inNetwork(12, 4);
const DESTINATION_ADDRESS = inNetwork(16, 4);
const BOTH_ADDRESSES = inNetwork(12, 8);
const IP_CHECKSUM = 10;

const SOURCE_PORT = inTransport(0, 2);
const DESTINATION_PORT = inTransport(2, 2);
const BOTH_PORTS = inTransport(0, 4);
const FIRST_RTP_BYTE = inTransport(8, 1);

/** Flows with a locked port: the whole four-tuple is the key. Of later fragments it changes none: see rewrite(). */
export function relayLegs(rule: RuleWriter): void {
  loadAddresses(rule.isUdp()).load(2, SOURCE_PORT).load(3, DESTINATION_PORT);
  rewrite(rule.lookUp("legs", FOUND)).accept();
}

/**
 * Fragments but the first have payload where the first has ports, and the kernel takes it for ports: it looks where a
 * packet lies in its datagram only before it writes, and before it loads more than four bytes. No other rule may see them.
 */
export function leaveLaterFragments(rule: RuleWriter): void {
  rule.load(0, FRAGMENT).mask(0, [0, 0, 0x1f, 0xff]).compare(0, UNEQUAL, [0, 0, 0, 0]).accept();
}

/** Flows that take any remote port. */
export function relayOpen(rule: RuleWriter): void {
  loadAddresses(rule.isUdp()).load(2, DESTINATION_PORT);
  noteArrival(rewrite(rule.lookUp("open", FOUND))).accept();
}

/**
 * The same for RTP, whose source port is noted under the key that was looked up, unless one is noted
 * already. A look-up counts, so there is one a packet.
 */
export function learnOpen(rule: RuleWriter): void {
  loadAddresses(isRtp(rule.isUdp())).load(2, DESTINATION_PORT).lookUp("open", FOUND);
  rule.load(SOURCE_PORT_FOUND, SOURCE_PORT);
  rule.note("learned", ADD, { key: 0, data: SOURCE_PORT_FOUND });
  noteArrival(rewrite(rule)).accept();
}

/**
 * Tell the daemon which interfaces bring media: they need its settings, whatever the routes say. A set that is full ends
 * the rule, so this comes last: the packet goes on as it has been rewritten.
 */
function noteArrival(rule: RuleWriter): RuleWriter {
  return rule.loadArrival(ARRIVAL).note("arrivals", UPDATE, { key: ARRIVAL });
}

function loadAddresses(rule: RuleWriter): RuleWriter {
  return rule.load(0, SOURCE_ADDRESS).load(1, DESTINATION_ADDRESS);
}

/** RTP and RTCP carry version 2 in their first two bits (RFC 3550). */
function isRtp(rule: RuleWriter): RuleWriter {
  return rule.load(FOUND, FIRST_RTP_BYTE).mask(FOUND, [0xc0]).compare(FOUND, EQUAL, [0x80]);
}

/**
 * Rewrite ports and addresses from what was found, and count the packet. The UDP checksum is
 * kept right as that over the pseudo-header: one named by its offset would be made of none.
 *
 * The ports come first: the kernel writes nothing behind the network header of a later fragment, and ends the rule.
 * So the packets of a call need no look at that, which would cost each of them 2 % more.
 */
function rewrite(rule: RuleWriter): RuleWriter {
  return rule.write(FOUND + 2, BOTH_PORTS, { pseudoHeader: true })
    .write(FOUND, BOTH_ADDRESSES, { at: IP_CHECKSUM, pseudoHeader: true })
    .count().notrack();
}
