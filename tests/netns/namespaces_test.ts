import { strict as assert } from "node:assert";
import { Namespace } from "../../src/netns/namespaces.ts";
import { runIn } from "./kernel.ts";

const SUPPORT = new URL("../support/", import.meta.url).pathname;

/** Let `ip` be that of a machine whose settings somebody has turned upside down, or the real one. */
function machine(kind: "hostile" | "real"): Disposable {
  const before = Deno.env.get("PATH") ?? "";
  const real = before.replaceAll(`${SUPPORT}hostile:`, "");
  Deno.env.set("PATH", kind === "hostile" ? `${SUPPORT}hostile:${real}` : real);
  return { [Symbol.dispose]: () => Deno.env.set("PATH", before) };
}

const SETTINGS = `cd /proc/sys/net
  grep -s '' ipv4/conf/{all,default,lo}/* ipv4/ip_forward ipv4/ip_local_port_range \
    ipv6/conf/{all,default,lo}/disable_ipv6 bridge/bridge-nf-call-* || [ $? -eq 2 ]`;

/** What a namespace made by bash is set to. */
async function settingsAfter(make: string): Promise<readonly string[]> {
  const name = `lrk-${Deno.pid}-made-by-bash`;
  const script = `. ${SUPPORT}network.sh; ${make} ${name}
    ip netns exec ${name} bash -c '${SETTINGS.replaceAll("'", "'\\''")}'; ip netns delete ${name}`;
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-euo", "pipefail", "-c", script],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n");
}

/** What a {@link Namespace} is set to. */
async function settings(): Promise<readonly string[]> {
  using place = new Namespace("settings");
  return (await runIn(place, "bash", "-euc", SETTINGS)).split("\n");
}

/** What the kernel's documentation says of some that matter here. */
const KNOWN = [
  "ipv4/ip_forward:0",
  "ipv4/conf/all/rp_filter:0",
  "ipv4/conf/default/rp_filter:0",
  "ipv4/conf/default/forwarding:0",
  "ipv4/conf/default/accept_local:0",
  "ipv4/conf/default/send_redirects:1",
  "ipv4/conf/default/accept_redirects:1",
  "ipv4/conf/lo/disable_policy:1",
  "ipv4/ip_local_port_range:32768\t60999",
];

Deno.test("a namespace has the settings of an untouched kernel, whatever those of the machine are", async () => {
  using _hostile = machine("hostile");
  const disturbed = await settingsAfter("ip netns add");
  for (const line of KNOWN) assert(!disturbed.includes(line), `${line} was not turned upside down`);
  const found = await settings();
  for (const line of KNOWN) assert(found.includes(line), `${line} in:\n${found.join("\n")}`);
  assert.deepEqual(await settingsAfter("add_namespace"), found, "made by bash");
  using _real = machine("real");
  assert.deepEqual(await settings(), found, "with other settings of the machine");
});
