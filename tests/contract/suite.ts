import { CHANGING } from "./changing.ts";
import { COUNTING } from "./counting.ts";
import { LASTING } from "./lasting.ts";
import { RELAYING } from "./relaying.ts";
import type { Rig } from "./rig.ts";

/** Hold a back end to what {@link ../../src/core/backend.ts} promises: one test a promise. */
export function testContract(name: string, makeRig: () => Promise<Rig>): void {
  for (const promise of [...RELAYING, ...COUNTING, ...CHANGING, ...LASTING]) {
    Deno.test(`${name}: ${promise.name}`, async () => {
      await using rig = await makeRig();
      await promise.run(rig);
    });
  }
}
