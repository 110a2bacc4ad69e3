import type { PathsView, StatusView } from "../../control/admin.ts";
import { drainText } from "./drain.ts";
import { byteSize, duration, table } from "../output.ts";

/** `lrkproxy status` for people. */
export function statusText(status: StatusView): string {
  const { unheard, active, stale } = status.sessions;
  const lines = [
    `lrkproxy ${status.version}, pid ${status.pid}, up ${duration(status.uptimeSeconds)}, ` +
    `path ${status.path}, memory ${byteSize(status.rssBytes)}`,
    `sessions: ${active} active, ${unheard} not heard from yet, ${stale} stale`,
    `media: ${mediaText(status.paths)}`,
    ...status.drain ? [drainText(status.drain)] : [],
    "",
    table([
      ["instance", "control", "internal", "external", "ports", "in use", "next"],
      ...status.instances.map((each) => [
        each.name,
        each.control.join(" "),
        each.internal,
        each.external,
        each.ports,
        each.portsInUse,
        each.nextPort,
      ]),
    ]),
    `control: ${counters(status.control)}`,
    `calls:   ${counters(status.relay)}`,
    ...status.warnings.map((warning) => `warning: ${warning}`),
  ];
  return lines.join("\n") + "\n";
}

/** Which way media take, and why not a faster one. */
function mediaText(
  { mode, byHand, packetsPerSecond, softirqPercent, kmod, reason }: PathsView,
): string {
  const load = softirqPercent === null ? "" : `, ${softirqPercent} % softirq`;
  const parts = [
    `${packetsPerSecond} packets/s${load}`,
    kmod
      ? `${kmod.sessions} session${kmod.sessions === 1 ? "" : "s"} in the kernel module ` +
        `(${kmod.flows} of ${kmod.room} flows)`
      : "none in the kernel module",
    `mode ${mode}${byHand.length > 0 ? `, by hand ${byHand.join(", ")}` : ""}`,
    ...reason === null ? [] : [reason],
  ];
  return parts.join("; ");
}

/** `name=value` of every counter that is not 0, nested ones with a dot. */
function counters(values: Readonly<Record<string, unknown>>, prefix = ""): string {
  const parts = Object.entries(values).flatMap(([name, value]) => {
    if (typeof value === "object" && value !== null) {
      const nested = counters(value as Record<string, unknown>, `${prefix}${name}.`);
      return nested === "nothing yet" ? [] : [nested];
    }
    return value ? [`${prefix}${name}=${value}`] : [];
  });
  return parts.length > 0 ? parts.join(" ") : "nothing yet";
}
