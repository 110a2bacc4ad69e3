import { strict as assert } from "node:assert";
import { Calls, FLOWS, limitFlows, loadModule, SESSIONS, SWITCHES, unloadModule } from "./calls.ts";

Deno.test(`${SESSIONS} calls go into the module and back ${SWITCHES} times, and lose nothing`, async () => {
  await using calls = await Calls.begin("nft");
  const tookMs: number[] = [];
  const send = async (path: "nft" | "kmod", kmod: number): Promise<void> => {
    const startMs = performance.now();
    assert.deepEqual(await calls.send(path), { sessions: SESSIONS, kmod, obstacle: null });
    tookMs.push(performance.now() - startMs);
    assert.equal((await calls.status()).paths.kmod?.flows, kmod === 0 ? 0 : FLOWS);
    await calls.talk(1);
  };
  for (let i = 0; i < SWITCHES; i++) {
    await send("kmod", SESSIONS);
    await send("nft", 0);
    console.log(`there and back ${i + 1}: ${tookMs.slice(-2).map(Math.round).join(" and ")} ms`);
  }
  const mean = tookMs.reduce((sum, ms) => sum + ms, 0) / tookMs.length;
  console.log(`${tookMs.length} switches, ${mean.toFixed(0)} ms each`);
  const { sent, lost } = await calls.hangUp();
  assert(sent > 0);
  assert.equal(lost, 0);
});

Deno.test("calls in the module go on when it is unloaded, and are back in it when it is loaded", async () => {
  await using calls = await Calls.begin("kmod");
  await calls.untilPaths("all calls are in the module", ({ kmod }) => kmod?.flows === FLOWS);
  await calls.talk(2);
  await unloadModule();
  const { reason } = await calls.untilPaths("the module is missed", ({ kmod }) => kmod === null);
  console.log(`status says: ${reason}`);
  assert.match(reason ?? "", /module/);
  await calls.talk(2);
  await loadModule();
  await calls.untilPaths("all calls are back in the module", ({ kmod }) => kmod?.flows === FLOWS);
  await calls.talk(2);
  const { worst } = await calls.hangUp();
  assert(worst <= 1, `a stream has lost ${worst} packets`);
});

Deno.test("calls in the module go on while the daemon is killed, which then knows them again", async () => {
  await using calls = await Calls.begin("kmod");
  const { daemon } = calls.world;
  await calls.untilPaths("all calls are in the module", ({ kmod }) => kmod?.flows === FLOWS);
  await daemon.kill("SIGKILL");
  await calls.talk(3);
  await daemon.start();
  await calls.untilPaths("all calls are in the module still", ({ kmod }) => kmod?.flows === FLOWS);
  await calls.talk(2);
  const { lost } = await calls.hangUp();
  assert.equal(lost, 0);
  await calls.untilPaths("the module is empty", ({ kmod }) => kmod?.flows === 0);
});

Deno.test("what the module has no room for goes on in nftables", async () => {
  await using calls = await Calls.begin("nft");
  using _limit = limitFlows(FLOWS / 4);
  const { sessions, obstacle } = await calls.send("kmod");
  console.log(`path says: ${obstacle}`);
  assert.equal(sessions, SESSIONS);
  assert.match(obstacle ?? "", /no room/);
  assert.equal((await calls.status()).paths.kmod?.flows, FLOWS / 4);
  await calls.talk(4);
  const { lost } = await calls.hangUp();
  assert.equal(lost, 0);
});

Deno.test("nothing is relayed for calls that have ended in the module", async () => {
  await using calls = await Calls.begin("nft");
  assert.equal((await calls.send("kmod")).kmod, SESSIONS);
  await calls.talk(2);
  // Sends on after the end of each call, and fails if any of it arrives.
  const { lost } = await calls.hangUp();
  assert.equal(lost, 0);
  assert.equal((await calls.status()).paths.kmod?.flows, 0);
});
