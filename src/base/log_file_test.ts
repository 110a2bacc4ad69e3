import assert from "node:assert/strict";
import { LogFile } from "./log_file.ts";

/** A place that takes bytes until it is full. */
class Disk {
  text = "";
  full = false;

  write(bytes: Uint8Array): Promise<number> {
    if (this.full) return Promise.reject(new Error("No space left on device"));
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }

  close(): void {}
}

/** Let what was begun go on; nothing here takes time. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("LogFile says once that the disk is full, and later how many lines it lost", async () => {
  const disk = new Disk();
  let stderr = "";
  {
    await using file = new LogFile("/log", (line) => stderr += line, () => disk);
    disk.full = true;
    file.write("one\n", { urgent: false });
    file.write("two\n", { urgent: true });
    await turn();
    file.write("three\n", { urgent: true });
    await turn();
    disk.full = false;
    file.write("four\n", { urgent: true });
    file.write("five\n", { urgent: true });
  }
  assert.equal(disk.text, "(3 lines lost)\nfour\nfive\n");
  assert.equal(stderr, "Cannot write log /log: No space left on device\n");
});

Deno.test("LogFile writes without waiting once much has been kept back", async () => {
  const disk = new Disk();
  await using file = new LogFile("/log", () => {}, () => disk);
  const line = "x".repeat(1023) + "\n";
  for (let i = 0; i < 63; i++) file.write(line, { urgent: false });
  await turn();
  assert.equal(disk.text.length, 0);
  file.write(line, { urgent: false });
  await turn();
  assert.equal(disk.text.length, 64 * 1024);
});

Deno.test("LogFile does not wait for the reader of a FIFO, neither to open nor to write", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/fifo`;
  try {
    const made = await new Deno.Command("python3", {
      args: ["-c", `import os; os.mkfifo(${JSON.stringify(path)})`],
    }).output();
    assert.ok(made.success);
    const file = new LogFile(path, () => {});
    const began = performance.now();
    for (let n = 0; n < 1000; n++) file.write("x".repeat(1023) + "\n", { urgent: true });
    assert.ok(performance.now() - began < 2000);
    // Whoever reads lets the thread go that has been writing.
    using reader = await Deno.open(path, { read: true });
    const [got] = await Promise.all([
      reader.read(new Uint8Array(1024)),
      file[Symbol.asyncDispose](),
    ]);
    assert.equal(got, 1024);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
