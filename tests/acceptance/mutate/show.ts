/**
 * Prints dialogs of a run, as they are sent.
 *
 *   show.ts SEED INDEX…
 *   show.ts SEED --of TEXT…      those whose Call-ID is TEXT: what `lrkproxy sessions` shows
 */
import { answerTo, describe, planDialog } from "./dialogs.ts";
import { split } from "./message.ts";

/** The index of a Call-ID that calls like m17-SEED stand in. */
function indexOf(callId: string): number {
  return Number(/m(\d+)(?:-|$)/.exec(callId)?.[1] ?? Number.NaN);
}

function main(): void {
  const [seed = "", ...rest] = Deno.args;
  if (rest[0] === "--of") {
    for (const callId of rest.slice(1)) {
      const index = indexOf(callId);
      const told = Number.isNaN(index) ? "of no dialog" : describe(planDialog(Number(seed), index));
      console.log(`        ${JSON.stringify(callId)}: ${told}`);
    }
    return;
  }
  for (const index of rest.map(Number)) {
    const dialog = planDialog(Number(seed), index);
    console.log(`== ${describe(dialog)}`);
    console.log(JSON.stringify(dialog.invite).replaceAll(/\\r\\n/g, "\\r\\n\n"));
    const answer = answerTo(dialog, split(dialog.invite), false);
    console.log(JSON.stringify(answer).replaceAll(/\\r\\n/g, "\\r\\n\n"));
  }
}

main();
