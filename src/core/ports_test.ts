import assert from "node:assert/strict";
import fc from "fast-check";
import { nextPort, PORT_STEP } from "./ports.ts";

const RANGE = { startPort: 20000, endPort: 20039 };

Deno.test("nextPort() points past the ports in use", () => {
  const cases: readonly (readonly [used: readonly number[], cursor: number, expected: number])[] = [
    // Nothing in use: Kamailio may go on, or begin where it is told to.
    [[], 20000, 20000],
    [[], 20012, 20012],
    [[], 20010, 20012],
    // A cursor outside the range is no place to go on.
    [[], 20040, 20000],
    [[], 1, 20000],
    // The cursor is kept while free ports lie ahead of it.
    [[20000, 20002], 20004, 20004],
    [[20000, 20036], 20004, 20004],
    // It stands on a port in use, or close before many: the longest gap is better.
    [[20000, 20002], 20000, 20004],
    [[20004, 20036], 20000, 20008],
    [[20020], 20016, 20024],
    // The longest gap may run past the end and on from the start.
    [[20012, 20016, 20020], 20020, 20024],
    [[20004, 20008, 20028], 20004, 20012],
    // All in use: anything will do.
    [Array.from({ length: 10 }, (_, i) => 20000 + 4 * i), 20008, 20008],
    // Ports past the end, which Kamailio may use, and from elsewhere do no harm.
    [[20040, 20042, 50000, 3], 20000, 20000],
  ];
  for (const [used, cursor, expected] of cases) {
    assert.equal(nextPort(RANGE, used, cursor), expected, `${used} from ${cursor}`);
  }
});

Deno.test("nextPort() copes with a range that holds no whole call", () => {
  assert.equal(nextPort({ startPort: 20000, endPort: 20001 }, [20000], 20000), 20000);
});

Deno.test("nextPort() gives a free port in the range while there is one", () => {
  const port = fc.integer({ min: 19990, max: 20090 });
  fc.assert(
    fc.property(
      fc.array(port, { maxLength: 40 }),
      port,
      fc.integer({ min: 1, max: 20 }),
      (...args) => {
        const [used, cursor, blocks] = args;
        const range = { startPort: 20000, endPort: 20000 + PORT_STEP * blocks - 1 };
        const next = nextPort(range, used, cursor);
        assert.ok(next >= range.startPort && next + PORT_STEP - 1 <= range.endPort);
        assert.equal((next - range.startPort) % PORT_STEP, 0);
        const isFree = (start: number): boolean =>
          !used.some((each) => each >= start && each < start + PORT_STEP);
        const starts = Array.from({ length: blocks }, (_, i) => range.startPort + PORT_STEP * i);
        assert.ok(isFree(next) || !starts.some(isFree));
      },
    ),
    { numRuns: 2000 },
  );
});
