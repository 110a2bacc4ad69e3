import assert from "node:assert/strict";
import { KmodFastPath } from "./fast_path.ts";
import { absentModuleText } from "./installed.ts";

const ENDPOINT = { address: 1, port: 2 };
const FLOW = {
  key: { remote: 1, local: ENDPOINT },
  port: 3,
  source: ENDPOINT,
  destination: ENDPOINT,
};

Deno.test("KmodFastPath says that there is no module, and takes nothing", () => {
  const fast = new KmodFastPath("/tmp/there is no such device");
  const reason = absentModuleText();
  assert.equal(fast.state(), reason);
  const edit = { remove: [FLOW.key], put: [{ flow: FLOW, isCarried: false }] };
  assert.deepEqual(fast.edit(edit), { removed: [null], refused: [reason] });
  assert.equal(fast.count([FLOW.key]).at(0), null);
  assert.deepEqual([...fast.flows()], []);
  fast.clear();
});

Deno.test("KmodFastPath is not taken in by another file", () => {
  assert.match(`${new KmodFastPath("/dev/null").state()}`, /does not answer/);
  assert.match(`${new KmodFastPath("/proc/version").state()}`, /Cannot (open|write)/);
});
