import assert from "node:assert/strict";
import { LogFile } from "./log_file.ts";

/** A place that takes bytes until it is full. */
class Disk {
  text = "";
  full = false;

  writeSync(bytes: Uint8Array): number {
    if (this.full) throw new Error("No space left on device");
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  close(): void {}
}

Deno.test("LogFile says once that the disk is full, and later how many lines it lost", () => {
  const disk = new Disk();
  const stderr = new Disk();
  using file = new LogFile("/log", stderr, () => disk);
  disk.full = true;
  file.write("one\n", { urgent: false });
  file.write("two\n", { urgent: true });
  file.write("three\n", { urgent: true });
  disk.full = false;
  file.write("four\n", { urgent: true });
  file.write("five\n", { urgent: true });
  assert.equal(disk.text, "(3 lines lost)\nfour\nfive\n");
  assert.equal(stderr.text, "Cannot write log /log: No space left on device\n");
});

Deno.test("LogFile goes on when stderr takes nothing either", () => {
  const disk = new Disk();
  disk.full = true;
  using file = new LogFile("/log", disk, () => disk);
  file.write("lost\n", { urgent: true });
});

Deno.test("LogFile writes without waiting once much has been kept back", () => {
  const disk = new Disk();
  using file = new LogFile("/log", disk, () => disk);
  const line = "x".repeat(1023) + "\n";
  for (let i = 0; i < 63; i++) file.write(line, { urgent: false });
  assert.equal(disk.text.length, 0);
  file.write(line, { urgent: false });
  assert.equal(disk.text.length, 64 * 1024);
});
