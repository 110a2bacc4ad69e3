/** Kamailio takes four ports a call (two with `gt=1`) and counts upwards, so four is the grain. */
export const PORT_STEP = 4;

/** The ports that one media instance may hand out, both ends included. */
export interface PortRange {
  readonly startPort: number;
  readonly endPort: number;
}

/**
 * The port from which a (re)started Kamailio should count so that it meets live calls as late as
 * possible. `cursor` is where it counts now: it is kept while free ports lie ahead of it, since
 * calls that still ring own ports that no session shows yet.
 */
export function nextPort(range: PortRange, used: Iterable<number>, cursor: number): number {
  const blocks = Math.max(1, Math.floor((range.endPort - range.startPort + 1) / PORT_STEP));
  const taken = new Uint8Array(blocks);
  for (const port of used) {
    const block = Math.floor((port - range.startPort) / PORT_STEP);
    if (block >= 0 && block < blocks) taken[block] = 1;
  }
  const longest = longestGap(taken);
  const here = Math.ceil((cursor - range.startPort) / PORT_STEP);
  const keep = here >= 0 && here < blocks && gapAt(taken, here) * 4 >= longest.length;
  return range.startPort + PORT_STEP * (keep ? here : longest.start);
}

/** How many blocks are free from `start` on, wrapping around. */
function gapAt(taken: Uint8Array, start: number): number {
  let length = 0;
  while (length < taken.length && !taken[(start + length) % taken.length]) length++;
  return length;
}

function longestGap(taken: Uint8Array): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  // Begin behind a taken block, so that no gap is met in its middle.
  const origin = taken.indexOf(1) + 1;
  for (let i = 0; i < taken.length;) {
    const start = (origin + i) % taken.length;
    const length = gapAt(taken, start);
    if (length > best.length) best = { start, length };
    i += length + 1;
  }
  return best;
}
