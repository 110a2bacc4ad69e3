import assert from "node:assert/strict";
import { absenceText, listsModule } from "./installed.ts";

Deno.test("absenceText() advises modprobe only where it would find a module", () => {
  assert.match(absenceText(true, "6.1.0"), /installed and not loaded \(modprobe lrkproxy\)$/);
  for (const isInstalled of [false, null]) {
    const text = absenceText(isInstalled, "6.1.0");
    assert.doesNotMatch(text, /modprobe/);
    assert.match(text, /none is needed: nftables carries all calls$/);
  }
  assert.match(absenceText(false, "6.1.0"), /^no kernel module is installed for Linux 6\.1\.0,/);
});

Deno.test("listsModule() finds the module in modules.dep, compressed or not", () => {
  for (const file of ["updates/lrkproxy.ko", "updates/dkms/lrkproxy.ko.xz", "lrkproxy.ko.zst"]) {
    assert.equal(listsModule(`kernel/a.ko: kernel/b.ko\n${file}:\n`), true, file);
  }
  for (const index of ["", "kernel/a.ko: updates/lrkproxy.ko\n", "updates/notlrkproxy.ko:\n"]) {
    assert.equal(listsModule(index), false, index);
  }
});
