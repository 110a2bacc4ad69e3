import { removeDeadSocket } from "../control/unix.ts";
import { metricsText } from "../web/metrics.ts";
import { serveWeb, type WebListen } from "../web/server.ts";
import { LoopLag } from "./loop_lag.ts";
import { Recorder, type RecorderParts } from "./snapshot.ts";
import type { Parts } from "./wiring.ts";

/**
 * Serve metrics and health where `[metrics] listen` says, until the answer is disposed of. A socket
 * that cannot be had is no reason not to relay: it is logged, and nothing is served.
 */
export async function serveMetrics(
  parts: Parts,
  sources: Pick<RecorderParts, "warnings" | "notReady">,
): Promise<AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  const { config: { metrics: { listen } }, log } = parts;
  if (listen === null) return owned.move();
  const stop = new AbortController();
  const lag = new LoopLag();
  const recorder = new Recorder({ parts, lag, ...sources });
  const metrics = async (): Promise<string> => metricsText(await recorder.snapshot());
  try {
    await makeRoom(listen);
    const server = owned.use(serveWeb(listen, { metrics, notReady: sources.notReady }));
    log.info("Metrics are served", { at: server.address });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    log.error("Metrics are not served: cannot listen where [metrics] listen says", { detail });
    return owned.move();
  }
  const watched = lag.watch(stop.signal);
  owned.defer(async () => {
    stop.abort();
    await watched;
  });
  return owned.move();
}

async function makeRoom(listen: WebListen): Promise<void> {
  if (!("path" in listen)) return;
  await Deno.mkdir(listen.path.replace(/\/[^/]*$/, "") || "/", { recursive: true });
  await removeDeadSocket(listen.path);
}
