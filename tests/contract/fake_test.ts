import { FakeBackend } from "../../src/fake/backend.ts";
import { TwoPaths } from "../../src/core/two_paths.ts";
import { FakeFastPath } from "../../src/fake/fast_path.ts";
import { type FakeKernel, RTP_PACKET } from "../../src/fake/kernel.ts";
import { flowKeyText, flowOf, type Session } from "../../src/core/session.ts";
import { assertSameAsFake } from "./differential.ts";
import { RANGES, type Rig, type Vandalism } from "./rig.ts";
import { testContract } from "./suite.ts";

const CAPACITY = 16;

async function makeFakeRig(): Promise<Rig> {
  const options = { maxSessions: CAPACITY, ranges: RANGES };
  let backend = new FakeBackend(options);
  const { kernel } = backend;
  await backend.attach();
  return {
    get backend() {
      return backend;
    },
    capacity: CAPACITY,
    send: ({ from, to, payload = RTP_PACKET }) => backend.deliver({ from, to, payload }),
    restart: () => backend = new FakeBackend(options, kernel),
    vandalise: (what, session) => vandalise(kernel, what, session),
    hasUnrelated: () => true,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

function vandalise(kernel: FakeKernel, what: Vandalism, session: Session): void {
  const actions: Readonly<Record<Vandalism, () => void>> = {
    table: () => kernel.clear(),
    flows: () => kernel.flows.clear(),
    records: () => kernel.records.clear(),
    rule: () => kernel.hasRules = false,
    element: () => {
      const flow = flowOf(session, 0);
      if (flow) kernel.flows.delete(flowKeyText(flow.key));
    },
    unrelated: () => {},
  };
  actions[what]();
}

/** A rig in which each flow is promoted as soon as its port is decided. */
async function makeTwoPathsRig(): Promise<Rig> {
  const options = { maxSessions: CAPACITY, ranges: RANGES };
  const { kernel } = new FakeBackend(options);
  const { module } = new FakeFastPath();
  const start = (): TwoPaths =>
    new TwoPaths(new FakeBackend(options, kernel), new FakeFastPath(module), () => true);
  let backend = start();
  await backend.attach();
  return {
    get backend() {
      return backend;
    },
    capacity: CAPACITY,
    send: (packet) => module.deliver(packet) ?? new FakeBackend(options, kernel).deliver(packet),
    restart: () => backend = start(),
    vandalise: (what, session) => vandalise(kernel, what, session),
    hasUnrelated: () => true,
    [Symbol.asyncDispose]: () => Promise.resolve(backend[Symbol.asyncDispose]()),
  };
}

testContract("fake", makeFakeRig);
testContract("fake, two paths", makeTwoPathsRig);

Deno.test("fake, two paths: they behave as one through random histories", async () => {
  await using rig = await makeTwoPathsRig();
  await assertSameAsFake(rig, 3000);
});
