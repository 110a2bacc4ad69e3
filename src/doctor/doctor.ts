import type { DoctorOptions, TextOutput } from "../cli/args.ts";
import { examine } from "./checks/all.ts";
import { fixAll } from "./fix.ts";
import { gatherFacts } from "./gather/gather.ts";
import { doctorJson, doctorText } from "./report.ts";

/** Look the machine over; the answer is the exit code: 1 if something fails. */
export async function runDoctor(options: DoctorOptions, output: TextOutput): Promise<number> {
  const before = await gatherFacts(options);
  const fixes = options.fix ? await fixAll(before) : null;
  const facts = fixes && fixes.length > 0 ? await gatherFacts(options) : before;
  const report = { findings: examine(facts), fixes };
  output.out(options.json ? doctorJson(report) : doctorText(report));
  const isSick = report.findings.some(({ severity }) => severity === "fail");
  return isSick ? 1 : 0;
}
