import { strict as assert } from "node:assert";
import type { CheckId, Finding } from "../../src/doctor/finding.ts";
import type { Namespace } from "../../src/netns/namespaces.ts";
import { PROGRAM } from "./daemon.ts";

/** What `lrkproxy doctor --json` has said. */
export interface Diagnosis {
  readonly code: number;
  readonly passed: boolean;
  readonly findings: readonly Finding[];
  readonly fixes: readonly { readonly what: string; readonly undo: string }[] | null;
  /** What a check has said; throws if it said nothing. */
  of(id: CheckId): readonly Finding[];
}

/** How to run it. */
export interface DoctorRun {
  readonly config: string;
  readonly args?: readonly string[];
  /** What a shell does first, in a mount namespace of its own. */
  readonly prelude?: string;
  /** What the program is started by, such as setpriv with its arguments. */
  readonly by?: string;
}

/** An ordinary user, who may not enter the folder that the program lies in. */
export const AS_NOBODY: Pick<DoctorRun, "prelude" | "by"> = {
  prelude: 'mount --bind "$(dirname "$1")" /mnt; set -- /mnt/lrkproxy "${@:2}"',
  by: "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all",
};

/** Run the doctor inside a namespace, where /sys is the namespace's too. */
export async function diagnose(place: Namespace, run: DoctorRun): Promise<Diagnosis> {
  const { config, args = [], prelude = "", by = "" } = run;
  const script = `${prelude}\nexec ${by} "$@"`;
  const command = [PROGRAM, "doctor", "--json", "--config", config, ...args];
  const { code, stdout, stderr } = await new Deno.Command("ip", {
    args: ["netns", "exec", place.name, "bash", "-euc", script, "doctor", ...command],
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  const report = JSON.parse(new TextDecoder().decode(stdout)) as Omit<Diagnosis, "code" | "of">;
  return {
    ...report,
    code,
    of: (id) => {
      const own = report.findings.filter((finding) => finding.id === id);
      assert(own.length > 0, `${id} is not in the report`);
      return own;
    },
  };
}

/** Do what a finding says, to the letter. */
export async function carryOut(place: Namespace, { remedy }: Finding): Promise<void> {
  assert(remedy.length > 0);
  for (const command of remedy) await shell(place, command);
}

/** Run a script in a namespace. Throws with what it said. */
export async function shell(place: Namespace, script: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("ip", {
    args: ["netns", "exec", place.name, "bash", "-euo", "pipefail", "-c", script],
  }).output();
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`"${script}" failed: ${decode(stderr)}${decode(stdout)}`);
  return decode(stdout);
}
