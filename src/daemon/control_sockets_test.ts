import assert from "node:assert/strict";
import type { Logger } from "../base/log.ts";
import { changeMode } from "./control_sockets.ts";

Deno.test("changeMode() says that a socket is not there, and lets a reload go on", () => {
  const errors: unknown[] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (_, fields) => errors.push(fields?.["socket"]),
  };
  changeMode({ log }, "/nonexistent/metrics.sock", 0o600);
  assert.deepEqual(errors, ["/nonexistent/metrics.sock"]);
});
