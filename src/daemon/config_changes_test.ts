import assert from "node:assert/strict";
import type { Config } from "../config/config.ts";
import { formatErrors, loadConfigText } from "../config/load.ts";
import { INSTANCE_HEADER, SECTIONS } from "../config/schema.ts";
import { changeText, configChanges } from "./config_changes.ts";

const BASE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kernel: { internal_ip: "10.10.1.1" },
  "UNIX socket": { listen: "/run/lrkproxy/control.sock" },
  metrics: { listen: "/run/metrics.sock" },
  logger: { log_to_file: "True" },
  "instance east": { control_port: "8081", internal_ip: "10.10.2.1", external_ip: "10.10.2.1" },
};

/** By section and key: another value than the base has, and what is said of it. */
const OTHERS: Readonly<Record<string, Readonly<Record<string, readonly [string, RegExp]>>>> = {
  kernel: {
    start_port: ["20004", /^instance default, ports: 20000-30000 -> 20004-30000$/m],
    end_port: ["29999", /^instance default, ports: .* -> 20000-29999$/m],
    current_port: ["20400", /^instance default, current_port: 20000 -> 20400$/m],
    internal_ip: ["10.10.1.2", /^instance default, internal_ip: 10\.10\.1\.1 -> 10\.10\.1\.2$/m],
    external_ip: ["10.10.1.3", /^instance default, external_ip: .* -> 10\.10\.1\.3$/m],
    internal_local: ["10.10.1.4", /^instance default, internal_local: .* -> 10\.10\.1\.4$/m],
    external_local: ["10.10.1.5", /^instance default, external_ip|external_local/m],
    interfaces: ["eth0, eth1", /^\[kernel\] interfaces: auto -> eth0 eth1$/],
    mode: ["kmod", /^\[kernel\] mode: auto -> kmod$/],
    promote_rate: ["10", /^\[kernel\] promote_rate: 20000 -> 10$/],
    promote_softirq: ["10", /^\[kernel\] promote_softirq: 25 -> 10$/],
    max_sessions: ["10", /^\[kernel\] max_sessions: 25000 -> 10$/],
  },
  "UDP socket": {
    socket_udp_host: ["0.0.0.0", /^instance default, UDP control: 127\.0\.0\.1:8080 -> 0\.0\.0\.0/],
    socket_udp_port: ["8090", /^instance default, UDP control: .* -> 127\.0\.0\.1:8090$/],
    allow: ["10.0.0.0/8", /^\[UDP socket\] allow: 127\.0\.0\.0\/8 ::1\/128 -> 10\.0\.0\.0\/8$/],
    receive_buffer: ["65536", /^\[UDP socket\] receive_buffer: 8388608 -> 65536$/],
  },
  "UNIX socket": {
    listen: ["/run/other.sock", /^instance default, UNIX control: .* -> \/run\/other\.sock$/],
    mode: ["0600", /^instance default, UNIX control mode: 0660 -> 0600$/],
  },
  admin: { socket: ["/run/admin.sock", /^\[admin\] socket: .* -> \/run\/admin\.sock$/] },
  metrics: {
    listen: ["127.0.0.1:9477", /^\[metrics\] listen: \/run\/metrics\.sock -> 127\.0\.0\.1:9477$/m],
    mode: ["0600", /^\[metrics\] mode: 0660 -> 0600$/],
  },
  session: {
    timeout: ["30", /^\[session\] timeout: 60 -> 30$/],
    stale_limit: ["70", /^\[session\] stale_limit: 3600 -> 70$/],
    unheard_limit: ["70", /^\[session\] unheard_limit: 180 -> 70$/],
    learning: ["never", /^\[session\] learning: once -> never$/],
    relearn_confirm: ["4", /^\[session\] relearn_confirm: 3 -> 4$/],
    live_window: ["6", /^\[session\] live_window: 5 -> 6$/],
    refuse: ["10.0.0.0/8", /^\[session\] refuse: nothing -> 10\.0\.0\.0\/8$/],
  },
  logger: {
    log_to_console: ["False", /^\[logger\] log_to_console: True -> False$/],
    log_to_file: ["False", /^\[logger\] log file: .*lrkproxy\.log -> none$/],
    log_level: ["debug", /^\[logger\] log_level: info -> debug$/],
    log_calls: ["True", /^\[logger\] log_calls: False -> True$/],
    log_directory: ["/tmp", /^\[logger\] log file: .* -> \/tmp\/lrkproxy\.log$/],
    log_file_name: ["x.log", /^\[logger\] log file: .* -> .*\/x\.log$/],
  },
  [INSTANCE_HEADER]: {
    control_host: ["127.0.0.2", /^instance east, UDP control: .* -> 127\.0\.0\.2:8081$/],
    control_port: ["8082", /^instance east, UDP control: .* -> 127\.0\.0\.1:8082$/],
    listen: ["/run/east.sock", /^instance east, UNIX control: none -> \/run\/east\.sock\n/],
    start_port: ["20004", /^instance east, ports: .* -> 20004-30000$/m],
    end_port: ["29999", /^instance east, ports: .* -> 20000-29999$/],
    current_port: ["20400", /^instance east, current_port: 20000 -> 20400$/],
    internal_ip: ["10.10.2.2", /^instance east, internal_ip: .* -> 10\.10\.2\.2$/m],
    external_ip: ["10.10.2.3", /^instance east, external_ip: .* -> 10\.10\.2\.3$/m],
    internal_local: ["10.10.2.4", /^instance east, internal_local: .* -> 10\.10\.2\.4$/m],
    external_local: ["10.10.2.5", /^instance east, external_local: .* -> 10\.10\.2\.5$/m],
  },
};

/** Keys that have no effect at all. */
const UNUSED = ["forward_to", "save_call_cache"];

Deno.test("configChanges() names what follows from another value of every key there is", () => {
  for (const [section, { keys }] of Object.entries(SECTIONS)) {
    const header = section === INSTANCE_HEADER ? "instance east" : section;
    for (const name of Object.keys(keys).filter((key) => !UNUSED.includes(key))) {
      const [value, said] = OTHERS[section]?.[name] ?? [];
      assert.ok(value && said, `[${section}] ${name}: say what a reload does with it`);
      const needs = name === "external_local" ? { external_ip: "10.10.9.9" } : {};
      const after = load({ ...BASE, [header]: { ...BASE[header], ...needs, [name]: value } });
      assert.match(changes(load(BASE), after), said, `[${section}] ${name}`);
    }
  }
});

Deno.test("configChanges() finds nothing where nothing is different", () => {
  assert.deepEqual(configChanges(load(BASE), load(BASE)), []);
});

Deno.test("configChanges() names instances that come and go", () => {
  const { "instance east": _, ...without } = BASE;
  const summary = "udp:127.0.0.1:8081, 10.10.2.1 and 10.10.2.1, ports 20000-30000";
  assert.equal(changes(load(without), load(BASE)), `instance east: added (${summary})`);
  assert.equal(changes(load(BASE), load(without)), `instance east: removed (${summary})`);
});

function changes(before: Config, after: Config): string {
  return configChanges(before, after).map(changeText).join("\n");
}

function load(sections: Readonly<Record<string, Readonly<Record<string, string>>>>): Config {
  const text = Object.entries(sections).map(([header, keys]) =>
    `[${header}]\n${Object.entries(keys).map(([key, value]) => `${key} = ${value}\n`).join("")}`
  ).join("");
  const loaded = loadConfigText(text, "lrkproxy.ini");
  if (!loaded.ok) throw new Error(formatErrors(loaded.error));
  return loaded.value;
}
