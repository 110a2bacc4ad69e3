import { listFolder, readProcFile } from "../base/procfs.ts";

/** A module may be installed at any time; the list of all modules is long and read no oftener than this. */
const READ_AGAIN_MS = 60_000;

let last: { readonly text: string; readonly atMs: number } | null = null;

/** Whether modprobe would find the kernel module; null where its folder is kept from this process. */
export function isModuleInstalled(release = runningRelease()): boolean | null {
  const index = readProcFile(`/lib/modules/${release}/modules.dep`);
  if (index !== null) return listsModule(index);
  // A kernel without a folder of its own has no modules; the service may not see those of any.
  return listFolder("/lib/modules") === null ? null : false;
}

/** Whether a modules.dep names the kernel module. */
export function listsModule(index: string): boolean {
  return /(^|\/)lrkproxy\.ko(\.\w+)?:/m.test(index);
}

/** Why there is no module to speak to, and what that means. */
export function absentModuleText(nowMs = performance.now()): string {
  if (last === null || nowMs - last.atMs >= READ_AGAIN_MS) {
    last = { text: absenceText(isModuleInstalled(), runningRelease()), atMs: nowMs };
  }
  return last.text;
}

/** The same, by whether the module is installed. */
export function absenceText(isInstalled: boolean | null, release: string): string {
  if (isInstalled === true) {
    return "the kernel module is installed and not loaded (modprobe lrkproxy)";
  }
  const which = isInstalled === false
    ? `no kernel module is installed for Linux ${release}`
    : "the kernel module is not loaded";
  return `${which}, and none is needed: nftables carries all calls`;
}

function runningRelease(): string {
  return readProcFile("/proc/sys/kernel/osrelease")?.trim() ?? "";
}
