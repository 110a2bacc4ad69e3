import { assertSameAsFake } from "./differential.ts";
import { testKernel } from "./nft_kernel.ts";
import { makeNftRig } from "./nft_rig.ts";
import { testContract } from "./suite.ts";

testContract("nft", makeNftRig);
testKernel();

Deno.test("nft: the fake of the unit tests behaves the same through random histories", async () => {
  await using rig = await makeNftRig();
  await assertSameAsFake(rig, 100);
});
