/** A datagram that a real Kamailio has sent, and in which of its calls. */
export interface Recorded {
  readonly scenario: string;
  readonly bytes: Uint8Array;
}

/** The recorded datagrams in their order. */
export async function readCorpus(): Promise<readonly Recorded[]> {
  const text = await Deno.readTextFile(new URL("kamailio-6.jsonl", import.meta.url));
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const { scenario, hex } = JSON.parse(line) as { scenario: string; hex: string };
    return {
      scenario,
      bytes: Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)),
    };
  });
}
