import assert from "node:assert/strict";
import fc from "fast-check";
import { messages } from "../netlink/decode.ts";
import { MessageWriter } from "../netlink/message.ts";
import { neighbourState, parseAddress, parseLink, parseRoute } from "./answers.ts";
import * as rt from "./protocol.ts";

const le32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** The body of a message with this header, and attributes. */
function body(head: Uint8Array, write: (out: MessageWriter) => void): Uint8Array {
  const out = new MessageWriter();
  out.beginWith({ type: rt.RTM_NEWLINK, flags: 0, seq: 1 }, head);
  write(out);
  out.end();
  const [message] = [...messages(out.bytes(), 0)];
  return message?.body ?? new Uint8Array();
}

function linkHead(index: number, flags: number): Uint8Array {
  return Uint8Array.of(0, 0, 1, 0, ...le32(index), ...le32(flags), 0, 0, 0, 0);
}

Deno.test("parseLink() reads a bridge that asks iptables, hardware, and what brings no packets", () => {
  const bridge = body(linkHead(7, 0), (out) => {
    out.text(rt.IFLA_IFNAME, "br0");
    out.raw(rt.IFLA_MTU, le32(1400));
    out.raw(rt.IFLA_MASTER, le32(3));
    const info = out.open(rt.IFLA_LINKINFO);
    out.text(rt.IFLA_INFO_KIND, "bridge");
    const data = out.open(rt.IFLA_INFO_DATA);
    out.raw(rt.IFLA_BR_NF_CALL_IPTABLES, Uint8Array.of(1));
    out.close(data);
    out.close(info);
  });
  assert.deepEqual(parseLink(bridge), {
    ...{ index: 7, name: "br0", kind: "bridge", bringsPackets: true },
    ...{ mtuBytes: 1400, master: 3, callsIptables: true },
  });
  const named = (name: string, flags: number, kind = ""): Uint8Array =>
    body(linkHead(1, flags), (out) => {
      out.text(rt.IFLA_IFNAME, name);
      if (kind === "") return;
      const info = out.open(rt.IFLA_LINKINFO);
      out.text(rt.IFLA_INFO_KIND, kind);
      out.close(info);
    });
  const brings = [
    named("eth0", 0),
    named("lo", rt.IFF_LOOPBACK),
    named("d0", 0, "dummy"),
  ].map((each) => parseLink(each)).map((link) => [link?.name, link?.bringsPackets]);
  assert.deepEqual(brings, [
    ["eth0", true],
    ["lo", false],
    ["d0", false],
  ]);
});

Deno.test("parseAddress() goes by the interface's index, whatever the label says", () => {
  const address = body(Uint8Array.of(rt.AF_INET, 24, 0, 0, ...le32(5)), (out) => {
    out.words(rt.IFA_LOCAL, [0xc0000201]);
    out.text(3, "eth0:0");
  });
  assert.deepEqual(parseAddress(address), { index: 5, address: 0xc0000201, prefix: 24 });
  assert.equal(parseAddress(Uint8Array.of(10, 64, 0, 0, ...le32(5))), null);
});

Deno.test("parseRoute() reads one way, several, and a route's own MTU", () => {
  const head = new Uint8Array(12);
  const one = body(head, (out) => {
    out.raw(rt.RTA_OIF, le32(2));
    out.words(rt.RTA_GATEWAY, [0x0a000001]);
    const metrics = out.open(rt.RTA_METRICS);
    out.raw(rt.RTAX_MTU, le32(1280));
    out.close(metrics);
  });
  assert.deepEqual(parseRoute(one), {
    nextHops: [{ index: 2, gateway: 0x0a000001 }],
    mtuBytes: 1280,
  });
  const hop = (index: number): Uint8Array => Uint8Array.of(8, 0, 0, 0, ...le32(index));
  const several = body(head, (out) => {
    out.raw(rt.RTA_MULTIPATH, Uint8Array.of(...hop(3), ...hop(4)));
  });
  assert.deepEqual(parseRoute(several), {
    nextHops: [{ index: 3, gateway: null }, { index: 4, gateway: null }],
    mtuBytes: null,
  });
});

Deno.test("whatever the kernel says, reading it ends", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseLink(bytes);
      parseAddress(bytes);
      parseRoute(bytes);
      assert(neighbourState(bytes) >= 0);
    }),
    { numRuns: 3000 },
  );
});
