/*
 * SDP (RFC 4566) of the phones in tests, and what of it matters to media.
 */

/** What a usual SDP of one audio stream may differ in. */
export interface SdpOptions {
  readonly version?: number;
  /** The address of o=, also of c= if that is not given. */
  readonly ip: string;
  readonly port: number;
}

/** One audio stream with G.711 and telephone events. */
export function audio({ ip, port, version = 1 }: SdpOptions): string {
  return sdp({ ip, version }, [
    `c=IN IP4 ${ip}`,
    "t=0 0",
    `m=audio ${port} RTP/AVP 0 101`,
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=sendrecv",
  ]);
}

/** An SDP with these lines behind v=, o= and s=. */
export function sdp(
  { ip, version = 1 }: { readonly ip: string; readonly version?: number },
  lines: readonly string[],
): string {
  return ["v=0", `o=phone 4711 ${version} IN IP4 ${ip}`, "s=-", ...lines, ""].join("\r\n");
}

/** `address:port` that each m= line asks media to be sent to, by its own c= or the session's. */
export function destinations(text: string): readonly string[] {
  let session = "";
  const streams: { port: string; address: string }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const address = /^c=IN IP4 (\S+)$/.exec(line)?.[1];
    const port = /^m=\S+ (\d+)/.exec(line)?.[1];
    const last = streams.at(-1);
    if (port !== undefined) streams.push({ port, address: session });
    else if (address !== undefined && last) last.address = address;
    else if (address !== undefined) session = address;
  }
  return streams.map(({ port, address }) => `${address}:${port}`);
}
