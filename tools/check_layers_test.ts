import assert from "node:assert/strict";
import { breaches } from "./check_layers.ts";

const GOOD: readonly (readonly [path: string, text: string])[] = [
  ["src/core/relay.ts", 'import { ok } from "../base/result.ts";'],
  ["src/core/relay.ts", 'import type { Flow } from "./session.ts";'],
  ["src/cli/commands/status.ts", 'import { table } from "../output.ts";'],
  ["src/cli/cli.ts", 'import { SCHEMA } from "../control/admin.ts";'],
  ["src/daemon/wiring.ts", 'import { NftBackend } from "../nft/backend.ts";'],
  ["src/config/schema.ts", 'import ipaddr from "ipaddr.js";'],
  ["src/base/libc.ts", "Deno.dlopen(name, symbols);"],
];

Deno.test("breaches() lets pass what the layers allow", () => {
  for (const [path, text] of GOOD) assert.deepEqual(breaches(path, text), [], text);
});

const BAD: readonly (readonly [path: string, text: string, breach: string])[] = [
  [
    "src/base/log.ts",
    'import { x } from "../core/events.ts";',
    "may not import src/core/events.ts",
  ],
  ["src/nft/load.ts", 'import { x } from "../control/reply.ts";', "may not import src/control/"],
  ["src/cli/cli.ts", 'import { x } from "../control/udp.ts";', "may not import src/control/udp.ts"],
  ["src/cli/commands/run.ts", 'import { x } from "../../daemon/daemon.ts";', "may not import src/"],
  ["src/cli/cli.ts", 'const x = await import("../daemon/daemon.ts");', "may not import src/daemon"],
  ["src/base/log.ts", 'import {\n  x,\n} from "../core/events.ts";', "may not import src/core/"],
  ["src/daemon/desk.ts", 'import { x } from "../fake/backend.ts";', "may not import src/fake/"],
  ["src/core/table.ts", "const text = Deno.readTextFileSync(path);", "src/core uses Deno"],
  ["src/novel/part.ts", "", "the folder src/novel has no rule"],
];

Deno.test("breaches() finds what they do not", () => {
  for (const [path, text, breach] of BAD) {
    const found = breaches(path, text);
    assert.equal(found.length, 1, text);
    assert.ok(found[0]?.startsWith(`${path}: `) && found[0].includes(breach), found[0]);
  }
});
