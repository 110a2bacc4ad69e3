import type { WebRequest, WebResponse } from "./http.ts";
import { EXPOSITION_TYPE } from "./exposition.ts";

/** Where the pages get what they say. */
export interface PageSources {
  /** The text of /metrics. */
  metrics(): Promise<string>;
  /** Why no new call should come here: null if it may. */
  notReady(): string | null;
}

const PLAIN = "text/plain; charset=utf-8";

/** Answer a request; null stands for bytes that are none. */
export async function answerTo(
  request: WebRequest | null,
  sources: PageSources,
): Promise<WebResponse> {
  if (request === null) return plain(400, "This is no HTTP request");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return plain(405, "Only GET and HEAD are answered");
  }
  switch (request.path) {
    case "/metrics":
      return { status: 200, type: EXPOSITION_TYPE, body: await sources.metrics() };
    case "/healthz":
      // Whoever can say so is alive.
      return plain(200, "ok");
    case "/readyz": {
      const reason = sources.notReady();
      return reason === null ? plain(200, "ok") : plain(503, reason);
    }
    default:
      return plain(404, "There are /metrics, /healthz and /readyz");
  }
}

function plain(status: WebResponse["status"], text: string): WebResponse {
  return { status, type: PLAIN, body: `${text}\n` };
}
