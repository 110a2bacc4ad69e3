import { strict as assert } from "node:assert";
import { buildRelayNetwork, RELAY_LINKS } from "../../src/netns/namespaces.ts";
import { CROWD, Crowd } from "../netns/crowd.ts";
import { Kamailio } from "../netns/kamailio.ts";
import { parseTable } from "../netns/kernel.ts";
import { until } from "../netns/until.ts";
import { Machine } from "./machine.ts";
import { Workers } from "./worker.ts";

const CONFIG = `
[kernel]
start_port : 20000
end_port : 30000
internal_ip : 10.10.1.1
external_ip : 192.0.2.1
[UDP socket]
socket_udp_host : 127.0.0.1
socket_udp_port : 8080
[UNIX socket]
listen : /run/lrkproxy/control.sock
[logger]
log_level : debug
`;
const CONFIG_PATH = "/etc/lrkproxy/lrkproxy.ini";
const PROGRAM = "/usr/local/lib/lrkproxy/lrkproxy";
/** CAP_NET_ADMIN is number 12. */
const NET_ADMIN_ALONE = "0000000000001000";
/** A worker asks a second time after a second, which must do, however busy this machine is. */
const LONGEST_MS = 2000;
const WATCHDOG_MS = 30_000;
/** RTP both ways for half a second. */
const WHILE = CROWD.length * 2 * 25;

for (const suite of ["bookworm", "trixie"]) {
  Deno.test(`the unit in ${suite}`, async (t) => {
    using net = buildRelayNetwork();
    await using machine = await Machine.boot(suite, net.relay, CONFIG);
    const unit = new Unit(machine);

    await t.step("becomes active when it is ready, and says how it is", async () => {
      await machine.say("systemctl", "start", "lrkproxy");
      assert.equal(await machine.property("ActiveState"), "active");
      await unit.untilStatus("0 sessions through nft");
      assert.match(await unit.log(), /lrkproxy is ready/);
    });

    await t.step("runs as its own user with one capability", async () => {
      const status = await machine.say("cat", `/proc/${await machine.property("MainPID")}/status`);
      const uid = await machine.say("id", "-u", "lrkproxy");
      const field = (name: string): string =>
        new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
      assert.equal(field("Uid"), Array(4).fill(uid).join("\t"));
      for (const set of ["CapEff", "CapPrm", "CapBnd", "CapAmb"]) {
        assert.equal(field(set), NET_ADMIN_ALONE, set);
      }
      assert.deepEqual([field("NoNewPrivs"), field("Seccomp")], ["1", "2"]);
    });

    await t.step(
      "can set what the media interfaces need, and says what else is wrong",
      async () => {
        for (const link of RELAY_LINKS) {
          for (const setting of ["forwarding", "accept_local"]) {
            const path = `/proc/sys/net/ipv4/conf/${link}/${setting}`;
            assert.equal(await machine.say("cat", path), "1", path);
          }
        }
        const { warnings } = JSON.parse(await machine.say("lrkproxy", "status", "--json")).status;
        assert.deepEqual(warnings, []);
      },
    );

    await t.step("is exposed no more than it must be", async () => {
      const verdict = await machine.say("systemd-analyze", "security", "--no-pager", "lrkproxy");
      const exposure = /exposure level for lrkproxy.service: ([\d.]+)/.exec(verdict)?.[1];
      assert(Number(exposure) <= 2.5, verdict);
      console.log(`exposure ${exposure}`);
    });

    await t.step("answers its group on the admin socket, and nobody else", async () => {
      const status = ["--reuid=nobody", "--clear-groups", "lrkproxy", "status", "--socket"];
      status.push("/run/lrkproxy/admin.sock");
      assert.equal((await machine.run("setpriv", "--regid=lrkproxy", ...status)).code, 0);
      assert.equal((await machine.run("setpriv", "--regid=nogroup", ...status)).code, 3);
    });

    await t.step("answers whoever connects to its UNIX socket during a restart", async () => {
      let isOver = false;
      const restart = unit.replaced(() => machine.say("systemctl", "restart", "lrkproxy"))
        .finally(() => isOver = true);
      const path = machine.path("/run/lrkproxy/control.sock");
      for (let n = 0; !isOver || n < 10; n++) {
        const connection = await Deno.connect({ transport: "unix", path });
        await connection.write(new TextEncoder().encode("P"));
        assert.equal(await new Response(connection.readable).text(), "P PONG");
      }
      await restart;
    });

    await t.step("loses no packet and holds no worker, whatever befalls it", async (t) => {
      await using kamailio = new Kamailio(net.relay);
      const table = async () => parseTable(await machine.say("nft", "-j", "list ruleset"));
      await using crowd = new Crowd({ net, kamailio, table });
      await crowd.establish();
      await unit.untilStatus("200 sessions through nft");
      await using workers = new Workers(net.relay, [1000, 1001, 1002, 1003]);

      /** Do something to the daemon while 200 calls talk and workers ask. */
      const endure = async (what: string, action: () => Promise<unknown>): Promise<void> => {
        await t.step(what, async () => {
          workers.report();
          await action();
          await crowd.untilTraffic(WHILE);
          const { asked, longestMs, retransmissions, refused } = workers.report();
          console.log(
            `${what}: ${asked} requests, longest ${longestMs.toFixed(0)} ms, ` +
              `${retransmissions} sent again`,
          );
          assert(asked > 0 && longestMs <= LONGEST_MS, `a worker was held for ${longestMs} ms`);
          assert.equal(refused, 0);
          assert.equal(await machine.property("ActiveState"), "active");
        });
      };

      await endure(
        "kill -9",
        () => unit.replaced(() => machine.say("systemctl", "kill", "--signal=KILL", "lrkproxy")),
      );
      await endure(
        "kill -9 again",
        () => unit.replaced(() => machine.say("systemctl", "kill", "--signal=KILL", "lrkproxy")),
      );
      await endure(
        "systemctl restart",
        () => unit.replaced(() => machine.say("systemctl", "restart", "lrkproxy")),
      );
      await endure("upgrade", () =>
        unit.replaced(async () => {
          await machine.say("cp", PROGRAM, `${PROGRAM}.new`);
          await machine.say("mv", `${PROGRAM}.new`, PROGRAM);
          await machine.say("systemctl", "restart", "lrkproxy");
        }));
      await endure("reload", async () => {
        const pid = await machine.property("MainPID");
        await machine.say("systemctl", "reload", "lrkproxy");
        assert.equal(await machine.property("MainPID"), pid);
      });
      const restarts = Number(await machine.property("NRestarts"));
      assert.equal(await machine.property("NFileDescriptorStore"), "2");

      await t.step("a hang: the watchdog starts it anew", async () => {
        workers.report();
        await unit.replaced(() => machine.say("systemctl", "kill", "--signal=STOP", "lrkproxy"));
        assert.match(await unit.log(), /lrkproxy.service: Watchdog timeout/);
        assert.equal(Number(await machine.property("NRestarts")), restarts + 1);
      });

      await t.step("a stop leaves the calls and nothing else, and is clean", async () => {
        await workers[Symbol.asyncDispose]();
        const startMs = performance.now();
        await machine.say("systemctl", "stop", "lrkproxy");
        assert(performance.now() - startMs < 5000);
        assert.equal(await machine.property("Result"), "success");
        assert.equal(await machine.property("NFileDescriptorStore"), "0");
        assert.equal(net.relay.command("ss", "-Hlun", "sport = :8080"), "");
        assert.notEqual((await machine.run("ls", "/run/lrkproxy")).code, 0);
        await crowd.untilTraffic(WHILE);
        await machine.say("systemctl", "start", "lrkproxy");
        await unit.untilStatus("200 sessions through nft");
      });

      const { sent, lost } = await crowd.hangUp();
      console.log(`${sent} packets sent, ${lost} lost, 0 doubled`);
      assert.equal(lost, 0);
    });

    await t.step("fails with the reason when its configuration is broken", async () => {
      await machine.say("sed", "-i", "s/^start_port/start_prot/", CONFIG_PATH);
      await machine.run("systemctl", "restart", "lrkproxy");
      await until("the unit has failed", async () => {
        return await machine.property("ActiveState") === "failed";
      });
      assert.equal(await machine.property("ExecMainStatus"), "78");
      const { out } = await machine.run("systemctl", "status", "--no-pager", "lrkproxy");
      assert.match(out, /lrkproxy\.ini:3: .*start_prot/);
    });
  });
}

/** The unit as these tests look at it. */
class Unit {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Wait until another process serves than before `action`. */
  async replaced(action: () => Promise<unknown>): Promise<void> {
    const before = await this.#machine.property("MainPID");
    await action();
    await until("another daemon is ready", async () => {
      // In this order: what is active may yet be the one that is to go.
      return ![before, "0"].includes(await this.#machine.property("MainPID")) &&
        await this.#machine.property("ActiveState") === "active";
    }, WATCHDOG_MS);
  }

  async untilStatus(text: string): Promise<void> {
    await until(`the status is "${text}"`, async () => {
      return await this.#machine.property("StatusText") === text;
    });
  }

  async log(): Promise<string> {
    return await this.#machine.say("journalctl", "--no-pager", "--unit", "lrkproxy");
  }
}
