import { err, ok, type Result } from "../base/result.ts";
import type { AddressLines, Config, MetricsConfig, SessionConfig } from "./config.ts";
import { closeRanges, guardedNotes } from "./conflicts.ts";
import { parseIni } from "./ini.ts";
import { type Placed, placeInstances } from "./instances.ts";
import { allowNotes, unusedNotes } from "./notes.ts";
import type { Problem } from "./problem.ts";
import type { ValuesOf } from "./schema.ts";
import { type FileValues, type Given, readSections } from "./sections.ts";

/** Something wrong with a configuration file; `line` is null when no line is to blame. */
export interface ConfigError extends Problem {
  readonly file: string;
}

/** Read a configuration file; one that cannot be read is an error like any other. */
export async function readConfig(path: string): Promise<Result<Config, readonly ConfigError[]>> {
  try {
    return loadConfigText(await Deno.readTextFile(path), path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return err([{ file: path, line: null, message: `Cannot read the configuration: ${reason}` }]);
  }
}

/** Check the text of a configuration file, all of it; `file` is the name for the errors. */
export function loadConfigText(
  text: string,
  file: string,
): Result<Config, readonly ConfigError[]> {
  const problems: Problem[] = [];
  const ini = parseIni(text);
  if (!ini.ok) problems.push(...ini.error.errors);
  const values = readSections(ini.ok ? ini.value : ini.error.rest, problems);
  // How values fit together is told only of a file whose every line has been understood.
  const config = ini.ok ? assemble(values, problems) : null;
  if (config !== null && problems.length === 0) return ok(config);
  const sorted = problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return err(sorted.map((problem) => ({ file, ...problem })));
}

/** The errors as a person reads them: `file:line: message`, a line each. */
export function formatErrors(errors: readonly ConfigError[]): string {
  return errors.map(({ file, line, message }) =>
    `${file}${line === null ? "" : `:${line}`}: ${message}\n`
  ).join("");
}

function assemble(values: FileValues, problems: Problem[]): Config | null {
  const { kernel, udpSocket, unixSocket, cache, admin, metrics, session, logger, instances } =
    values;
  if (session !== null) checkSession(session, problems);
  if (kernel === null || udpSocket === null || unixSocket === null) return null;
  const placed = placeInstances({ kernel, udpSocket, unixSocket, instances }, problems);
  if (cache === null || admin === null || session === null || logger === null) return null;
  if (metrics === null) return null;
  checkAdminSocket(admin, placed, problems);
  checkMetricsSocket(metrics, { admin, placed }, problems);
  const { log_to_file: toFile, log_directory: folder, log_file_name: name } = logger.values;
  return {
    instances: placed.map(({ config }) => config),
    addressLines: Object.fromEntries(placed.map((each) => [each.config.name, addressLines(each)])),
    controlAllow: udpSocket.values.allow,
    receiveBufferBytes: udpSocket.values.receive_buffer,
    adminSocket: admin.values.socket,
    metrics: metricsConfig(metrics.values),
    session: sessionConfig(session.values),
    interfaces: kernel.values.interfaces,
    maxSessions: kernel.values.max_sessions,
    paths: {
      mode: kernel.values.mode,
      thresholds: {
        packetsPerSecond: kernel.values.promote_rate,
        softirqPercent: kernel.values.promote_softirq,
      },
    },
    log: {
      file: toFile ? `${folder.replace(/\/+$/, "")}/${name}` : null,
      console: logger.values.log_to_console,
      level: logger.values.log_level,
    },
    logCalls: logger.values.log_calls,
    notes: [
      ...unusedNotes({ kernel, udpSocket, unixSocket, cache }),
      ...allowNotes(udpSocket, placed),
      ...closeRanges(placed),
      ...guardedNotes(placed, udpSocket.values.allow),
    ],
  };
}

function addressLines({ config, lineOf }: Placed): AddressLines {
  const { internalIp, internalLocal, externalIp, externalLocal } = config;
  return {
    internal: lineOf(internalIp === internalLocal ? "internal_ip" : "internal_local"),
    external: lineOf(externalIp === externalLocal ? "external_ip" : "external_local"),
    internalIp: lineOf("internal_ip"),
    externalIp: lineOf("external_ip"),
  };
}

function sessionConfig(values: ValuesOf<"session">): SessionConfig {
  return {
    timeoutSeconds: values.timeout,
    staleLimitSeconds: values.stale_limit,
    unheardLimitSeconds: values.unheard_limit,
    learning: values.learning,
    relearnConfirmSeconds: values.relearn_confirm,
    liveWindowSeconds: values.live_window,
    refuse: values.refuse,
  };
}

function metricsConfig({ listen, mode }: ValuesOf<"metrics">): MetricsConfig {
  return { listen: listen !== null && "path" in listen ? { ...listen, mode } : listen };
}

function checkMetricsSocket(
  metrics: Given<ValuesOf<"metrics">>,
  { admin, placed }: {
    readonly admin: Given<ValuesOf<"admin">>;
    readonly placed: readonly Placed[];
  },
  problems: Problem[],
): void {
  const { listen } = metrics.values;
  if (listen === null || !("path" in listen)) return;
  const holder = placed.find(({ config }) => config.unix?.path === listen.path);
  const isAdmin = admin.values.socket === listen.path;
  if (!isAdmin && holder === undefined) return;
  const message = isAdmin
    ? `[metrics] listen: ${listen.path} is the socket of [admin] too`
    : `[metrics] listen: ${listen.path} is the control socket of [${holder?.header}] too`;
  problems.push({ line: metrics.lineOf("listen"), message });
}

function checkSession(session: Given<ValuesOf<"session">>, problems: Problem[]): void {
  const { timeout, stale_limit: staleLimit, live_window: liveWindow } = session.values;
  if (staleLimit < timeout) {
    problems.push({
      line: session.lineOf("stale_limit") ?? session.lineOf("timeout"),
      message: `[session] stale_limit: ${staleLimit} is below timeout, which is ${timeout}`,
    });
  }
  if (liveWindow > timeout) {
    problems.push({
      line: session.lineOf("live_window") ?? session.lineOf("timeout"),
      message: `[session] live_window: ${liveWindow} is above timeout, which is ${timeout}`,
    });
  }
}

function checkAdminSocket(
  admin: Given<ValuesOf<"admin">>,
  placed: readonly Placed[],
  problems: Problem[],
): void {
  const path = admin.values.socket;
  const holder = placed.find(({ config }) => config.unix?.path === path);
  if (holder === undefined) return;
  problems.push({
    line: admin.lineOf("socket") ?? holder.lineOf("listen"),
    message: `[admin] socket: ${path} is the control socket of [${holder.header}] too`,
  });
}
