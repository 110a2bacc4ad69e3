import type { Logger } from "../../src/base/log.ts";
import { PathKeeper } from "../../src/daemon/path_keeper.ts";
import type { World } from "./world.ts";

/** What keeps the sessions of a world on their paths; `softirqPercent` is what the machine says. */
export function keeperOf(
  { paths, promotion, table, clock }: World,
  { log = SILENCE, softirqPercent = 0 }: {
    readonly log?: Logger;
    readonly softirqPercent?: number;
  } = {},
): PathKeeper {
  return new PathKeeper({
    ...{ paths, promotion, table, clock, log },
    softirqPercent: () => softirqPercent,
  });
}

const SILENCE: Logger = { debug() {}, info() {}, warn() {}, error() {} };
