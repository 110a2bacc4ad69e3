import { writeSmallFile } from "./libc.ts";

/**
 * Let ps and top show `lrkproxy`. The kernel names a process after the file that it runs; that has
 * this name in the cache folder, but a runtime in memory (see tools/launcher) is a number to it.
 */
export function nameProcess(): void {
  try {
    writeSmallFile("/proc/self/comm", "lrkproxy");
  } catch {
    // Nothing depends on the name.
  }
}
