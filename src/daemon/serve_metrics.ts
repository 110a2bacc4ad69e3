import { hostText } from "../base/cidr.ts";
import type { Config } from "../config/config.ts";
import { removeDeadSocket } from "../control/unix.ts";
import { metricsText } from "../web/metrics.ts";
import { serveWeb, type WebListen } from "../web/server.ts";
import { changeMode } from "./control_sockets.ts";
import type { Door, Wish } from "./doors.ts";
import { LoopLag } from "./loop_lag.ts";
import { Recorder, type RecorderParts } from "./snapshot.ts";
import type { Parts } from "./wiring.ts";

/** What is served besides the parts' own numbers. */
export type MetricsSources = Pick<RecorderParts, "warnings" | "notReady">;

/**
 * Metrics and health where `[metrics] listen` says. A socket that cannot be had throws, unless
 * `isOptional`: a daemon that starts relays without metrics, and logs why.
 */
export function metricsDoors(
  parts: Parts,
  { metrics: { listen } }: Config,
  options: { readonly sources: MetricsSources; readonly isOptional: boolean },
): readonly Wish[] {
  if (listen === null) return [];
  const key = "path" in listen ? listen.path : `http://${hostText(listen.host)}:${listen.port}`;
  const open = async (): Promise<Door> => {
    try {
      return asDoor(parts, await serveMetrics(parts, listen, options.sources));
    } catch (error) {
      // Doors wait for it.
      if (error instanceof Deno.errors.AddrNotAvailable) throw error;
      if (!options.isOptional) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      parts.log.error("Metrics are not served: cannot listen where [metrics] listen says", {
        detail,
      });
      return asDoor(parts, new AsyncDisposableStack());
    }
  };
  return [{ key, owner: "[metrics]", open }];
}

function asDoor(parts: Parts, server: AsyncDisposable): Door {
  const close = async (): Promise<void> => void await server[Symbol.asyncDispose]();
  return {
    fd: null,
    start() {},
    adapt() {
      const { listen } = parts.config.metrics;
      if (listen && "path" in listen) changeMode(parts, listen.path, listen.mode);
    },
    isReachable: () => true,
    retire: close,
    [Symbol.asyncDispose]: close,
  };
}

async function serveMetrics(
  parts: Parts,
  listen: WebListen,
  sources: MetricsSources,
): Promise<AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  const { log } = parts;
  const stop = new AbortController();
  const lag = new LoopLag();
  const recorder = new Recorder({ parts, lag, ...sources });
  const metrics = async (): Promise<string> => metricsText(await recorder.snapshot());
  await makeRoom(listen);
  const server = owned.use(serveWeb(listen, { metrics, notReady: sources.notReady }));
  log.info("Metrics are served", { at: server.address });
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
