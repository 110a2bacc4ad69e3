import assert from "node:assert/strict";
import {
  commandLine,
  parentOf,
  pathInProcess,
  processIds,
  processName,
  sharesNetwork,
  startedMs,
} from "./processes.ts";
import { fileStamp, readProcFile } from "./procfs.ts";

/** Make a symbolic link, which Deno lets only a program do that may write everywhere. */
async function link(target: string, path: string): Promise<void> {
  const args = ["-c", "import os, sys; os.symlink(*sys.argv[1:])", target, path];
  assert((await new Deno.Command("python3", { args }).output()).success);
}

/** No process has such an id. */
const NOBODY = 2 ** 30;

Deno.test("processes: this one is found, with its name, words, parent, start and network", () => {
  const { pid, ppid } = Deno;
  assert(processIds().includes(pid));
  assert.equal(processName(pid), readProcFile("/proc/self/comm")?.trim());
  assert(commandLine(pid).includes("test"));
  assert.equal(parentOf(pid), ppid);
  const age = Date.now() - (startedMs(pid) ?? 0);
  assert(age > 0 && age < 3_600_000, `${age}`);
  assert.equal(sharesNetwork(pid), true);
});

Deno.test("processes: of one that is gone nothing is known", () => {
  assert(!processIds().includes(NOBODY));
  const known = [processName(NOBODY), parentOf(NOBODY), startedMs(NOBODY), sharesNetwork(NOBODY)];
  assert.deepEqual(known, [null, null, null, null]);
  assert.deepEqual(commandLine(NOBODY), []);
});

Deno.test("pathInProcess() stays below the root of the process, whatever links say", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeTextFile(`${folder}/real/k.cfg`, "x");
    await link(`${folder}/real`, `${folder}/absolute`);
    await link("real/../absolute", `${folder}/relative`);
    await link("circle", `${folder}/circle`);
    const root = `/proc/${Deno.pid}/root`;
    for (const name of ["real", "absolute", "relative"]) {
      assert.equal(
        pathInProcess(Deno.pid, `${folder}/${name}/./k.cfg`),
        `${root}${folder}/real/k.cfg`,
      );
    }
    assert.equal(pathInProcess(Deno.pid, `${folder}/circle`), `${root}${folder}/circle`);
    assert.equal(pathInProcess(7, "k.cfg"), "/proc/7/cwd/k.cfg");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("fileStamp() knows a file by every path, and when it was written", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [file, other] = [`${folder}/file`, `${folder}/other`];
    await Deno.writeTextFile(file, "x");
    await Deno.writeTextFile(other, "x");
    await link("file", `${folder}/link`);
    const written = new Date(Date.UTC(2026, 0, 1));
    await Deno.utime(file, written, written);
    const stamp = fileStamp(file);
    assert.equal(stamp?.modifiedMs, written.getTime());
    assert.equal(fileStamp(`${folder}/link`)?.identity, stamp?.identity);
    assert.notEqual(fileStamp(other)?.identity, stamp?.identity);
    assert.equal(fileStamp(`${folder}/none`), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
