import { DEFAULT_CONFIG, withConfig } from "../../config/commands.ts";
import type { PathsView, StatusView } from "../../control/admin.ts";
import { drainText } from "./drain.ts";
import { byteSize, duration, table, visible } from "../output.ts";

/** `lrkproxy status` for people. */
export function statusText(status: StatusView): string {
  const { unheard, active, stale, unread } = status.sessions;
  const sessions = [
    `${active} active`,
    `${unheard - unread} not heard from yet`,
    `${stale} stale`,
    ...unread > 0 ? [`${unread} not looked at since the start`] : [],
  ];
  const lines = [
    `lrkproxy ${status.version}, pid ${status.pid}, up ${duration(status.uptimeSeconds)}, ` +
    `path ${status.path}, memory ${byteSize(status.rssBytes)}`,
    `sessions: ${sessions.join(", ")}`,
    ...oneWayLines(status.oneWay),
    `media: ${mediaText(status.paths)}`,
    ...status.drain ? [drainText(status.drain)] : [],
    "",
    table([
      ["instance", "control", "internal", "external", "ports", "calls of room", "next"],
      ...status.instances.map((each) => [
        each.name,
        each.control.join(" "),
        each.internal,
        each.external,
        each.ports,
        `${each.calls} of ${each.room}`,
        each.nextPort,
      ]),
    ]),
    `control: ${counters(status.control)}`,
    `calls:   ${counters(status.relay)}`,
    ...status.warnings.flatMap((warning, i) => [
      `warning: ${visible(warning)}`,
      ...(status.remedies[i] ?? []).map((remedy) =>
        `      => ${withConfig(remedy, status.config ?? DEFAULT_CONFIG)}`
      ),
    ]),
  ];
  return lines.join("\n") + "\n";
}

/** How many calls are one-way, if any are. */
function oneWayLines(oneWay: StatusView["oneWay"]): readonly string[] {
  if (oneWay === null || oneWay.caller + oneWay.callee === 0) return [];
  const { caller, callee, of } = oneWay;
  return [
    `one-way:  ${caller + callee} of ${of} calls; RTP of the caller only: ${caller}, ` +
    `of the callee only: ${callee}`,
  ];
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
