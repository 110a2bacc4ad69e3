import assert from "node:assert/strict";
import { LineQueue } from "./line_queue.ts";

/** A pipe: it takes a few bytes at a time, and none while it is stopped. */
class Pipe {
  text = "";
  fails = false;
  #isStopped = false;
  #resume: () => void = () => {};

  stop(): void {
    this.#isStopped = true;
  }

  resume(): void {
    this.#isStopped = false;
    this.#resume();
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.fails) throw new Deno.errors.BrokenPipe("Broken pipe");
    const taken = bytes.slice(0, 70_000);
    if (this.#isStopped) await new Promise<void>((resolve) => this.#resume = resolve);
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }
}

function queueTo(pipe: Pipe, onFailure: (error: unknown) => void = () => {}): LineQueue {
  return new LineQueue({ writer: pipe, gap: (lost) => `lost ${lost}\n`, onFailure });
}

Deno.test("LineQueue writes all lines in their order, however little is taken at a time", async () => {
  const pipe = new Pipe();
  const queue = queueTo(pipe);
  const lines = Array.from({ length: 200 }, (_, n) => `${n} ${"x".repeat(1000)}\n`);
  for (const line of lines) {
    queue.add(line);
    queue.flush();
  }
  assert.equal(await queue.settle(), true);
  assert.equal(pipe.text, lines.join(""));
});

Deno.test("LineQueue waits for no reader, holds a bounded number of lines, and tells how many it lost", async () => {
  const pipe = new Pipe();
  const queue = queueTo(pipe);
  pipe.stop();
  const line = "x".repeat(1023) + "\n";
  queue.add("first\n");
  queue.flush();
  for (let n = 0; n < 1000; n++) {
    queue.add(line);
    queue.flush();
  }
  assert.ok(queue.characters <= 256 * 1024);
  assert.equal(await queue.settle(1), false);
  pipe.resume();
  assert.equal(await queue.settle(), true);
  queue.add("last\n");
  assert.equal(await queue.settle(), true);
  assert.equal(pipe.text, `first\n${line.repeat(256)}lost 744\nlast\n`);
});

Deno.test("LineQueue goes on when nothing can be written, says so once, and counts", async () => {
  const pipe = new Pipe();
  let failures = 0;
  const queue = queueTo(pipe, () => failures++);
  pipe.fails = true;
  for (const line of ["one\n", "two\n", "three\n"]) {
    queue.add(line);
    await queue.settle();
  }
  assert.equal(failures, 1);
  pipe.fails = false;
  queue.add("four\n");
  await queue.settle();
  assert.equal(pipe.text, "lost 3\nfour\n");
});
