/**
 * Logs as the daemon does, for the test of the journal: `journal_writer.ts JOURNALD-PID`. What it
 * prints is how long it took to log while the journal stood still, in milliseconds.
 */
import { openLog } from "../../src/base/log.ts";

const journald = Number(Deno.args[0]);
const LINES = 20_000;

await using log = openLog({ file: null, console: true, level: "debug" });
log.debug("Session opened", { call: "1a@phone", instance: "default" });
log.info("Session ended", { call: "1a@phone", instance: "default", callerPackets: 7 });
log.warn("Call refused", { call: "evil\nPRIORITY=0\nINSTANCE=forged", instance: "default" });
log.error("Too large for a datagram", { call: "large@phone", detail: "x".repeat(400_000) });

Deno.kill(journald, "SIGSTOP");
const begun = performance.now();
for (let n = 0; n < LINES; n++) log.info("Flood", { call: "flood@phone", n });
const tookMs = performance.now() - begun;
Deno.kill(journald, "SIGCONT");
console.log(tookMs.toFixed(0));
for (let n = 0; n < 50; n++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  log.info("Later", { call: "later@phone" });
}
