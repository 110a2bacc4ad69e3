import { ReaderGone, runCli } from "./src/cli/cli.ts";

const encoder = new TextEncoder();

if (import.meta.main) {
  const output = {
    out: (text: string) => writeAll(Deno.stdout, text),
    error: (text: string) => writeAll(Deno.stderr, text),
  };
  // The daemon, the demo and the doctor are loaded only where they run: `lrkproxy status` needs no FFI.
  const exitCode = await runCli(Deno.args, output, {
    run: async (config, path) => {
      await (await import("./src/daemon/daemon.ts")).runDaemon(config, path);
    },
    demo: async (options, to) => (await import("./src/demo/demo.ts")).runDemo(options, to),
    doctor: async (options, to) => (await import("./src/doctor/doctor.ts")).runDoctor(options, to),
    examine: async (options, shown) => {
      return (await import("./src/doctor/calls.ts")).examineCalls(options, shown);
    },
  });
  Deno.exit(exitCode);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    throw error instanceof Deno.errors.BrokenPipe ? new ReaderGone() : error;
  }
}
