import { strict as assert } from "node:assert";
import { ADDRESSES, Namespace } from "../../src/netns/namespaces.ts";
import { Daemon, lrkproxy, PROGRAM } from "./daemon.ts";
import { CALL, Kamailio, numberedCall } from "./kamailio.ts";
import { readSet, refusedFrom } from "./kernel.ts";
import { packet } from "./media.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay } from "./world.ts";

Deno.test("every answer with --json says schema 1 and ends with 0", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  for (const args of [["status"], ["sessions"], ["show", CALL.id], ["version"]]) {
    const [command = "", ...rest] = args;
    const { code, out, error } = command === "version"
      ? await lrkproxy("version", "--json")
      : await world.daemon.cli(command, ...rest, "--json");
    assert.deepEqual([code, error], [0, ""], command);
    assert.equal(out.trimEnd().split("\n").length, 1);
    assert.equal((JSON.parse(out) as { schema: number }).schema, 1, command);
  }
});

Deno.test("for people, sessions and show tell who talks to whom", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller({ rtp: 41234, rtcp: 6001 }), world.callee(7000));
  await untilLocked(world);
  const sessions = await world.daemon.cli("sessions");
  assert.equal(sessions.code, 0);
  for (const text of [CALL.id, CALL.src, CALL.dnat, CALL.snat, CALL.dst, "10.10.1.10:41234"]) {
    assert(sessions.out.includes(text), `${text} in:\n${sessions.out}`);
  }
  const show = await world.daemon.cli("show", CALL.id);
  assert.equal(show.code, 0);
  assert.match(show.out, /=> .*10\.10\.1\.10:41234.*NAT/);
});

Deno.test("packets and bytes are counted one by one, by direction", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller, fromCallee } = await converse(
    world.caller(6000),
    world.callee(7000),
  );
  await untilLocked(world);
  fromCaller.stop();
  fromCallee.stop();
  const counts = async (): Promise<readonly number[]> => {
    const { session } = await world.show();
    const flows = [session.caller.rtp, session.caller.rtcp, session.callee.rtp];
    return flows.flatMap(({ packets, bytes }) => [packets, bytes]);
  };
  const before = await counts();
  const marks = Array.from({ length: 70 }, (_, sequence) => ({ sequence, ssrc: 70 }));
  for (const mark of marks) caller.rtp.send(packet("rtp", mark), CALL.snat);
  for (const mark of marks.slice(0, 3)) caller.rtcp.send(packet("rtcp", mark), "10.10.1.1:20003");
  for (const mark of marks.slice(0, 40)) callee.rtp.send(packet("rtp", mark), CALL.dst);
  await until("all are relayed", () => {
    const arrived = [callee.rtp, callee.rtcp, caller.rtp].map(({ heard }) => {
      return heard.filter(({ ssrc }) => ssrc === 70).length;
    });
    return String(arrived) === "70,3,40";
  });
  const grown = (await counts()).map((count, i) => count - (before[i] ?? 0));
  // IP and UDP headers are 28 bytes.
  assert.deepEqual(grown, [70, 70 * 200, 3, 3 * 56, 40, 40 * 200]);
});

Deno.test("what does not exist ends with 1, wrong usage with 2, a missing daemon with 3", async () => {
  await using world = await openWorld();
  const expectations: readonly (readonly [number, readonly string[]])[] = [
    [1, ["show", "unknown@test"]],
    [1, ["show", "unknown@test", "--json"]],
    [1, ["drop", "unknown@test"]],
    [2, ["shwo", CALL.id]],
    [2, ["show"]],
    [2, ["status", "--nonsense"]],
  ];
  for (const [code, [command = "", ...args]] of expectations) {
    const result = await world.daemon.cli(command, ...args);
    assert.equal(result.code, code, `${command}: ${result.error}`);
    assert.notEqual(result.error, "");
  }
  await world.daemon.kill("SIGTERM");
  for (const command of ["status", "sessions", "stop"]) {
    const result = await world.daemon.cli(command);
    assert.deepEqual([result.code, result.out], [3, ""], command);
    assert.match(result.error, /lrkproxy run/);
  }
});

Deno.test("check-config explains a good file, and says what and where is wrong in a bad one", async () => {
  await using world = await openWorld();
  const good = await world.daemon.cli("check-config");
  assert.equal(good.code, 0, good.error);
  assert.match(good.out, /valid/);
  const path = `${world.daemon.folder}/bad.ini`;
  await Deno.writeTextFile(path, "[kernel]\ninternal_ip = 10.10.1.1\nstart_prot = 20000\n");
  for (const [command, code] of [["check-config", 1], ["run", 78]] as const) {
    const bad = await lrkproxy(command, "--config", path);
    assert.equal(bad.code, code);
    assert.match(bad.error, /bad\.ini:3:.*start_prot/);
  }
});

Deno.test("drop ends a call, and Kamailio's later D for it is answered as ever", async () => {
  await using world = await openWorld();
  const other = numberedCall(1);
  await world.kamailio.open(CALL);
  await world.kamailio.open(other);
  const one = await converse(world.caller(6000), world.callee(7000));
  const two = await converse(world.caller(6004), world.callee(7004), other);
  assert.deepEqual(await world.daemon.cli("drop", CALL.id), {
    code: 0,
    out: "Dropped 1 session(s).\n",
    error: "",
  });
  await until("it is turned away", async () => {
    return await refusedFrom(world.relay, one.caller.rtp.at) > 0;
  });
  await world.kamailio.close(CALL);
  await untilTwoWay(two);
  assert.deepEqual((await world.sessions()).map(({ callId }) => callId), [other.id]);
});

Deno.test("a second daemon of the same configuration gives up and leaves the calls alone", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  // Elsewhere, or it would give up for another reason: see the next test.
  const elsewhere = world.use(new Namespace("elsewhere"));
  const command = new Deno.Command(PROGRAM, {
    args: ["run", "--config", world.daemon.configPath],
    stdout: "null",
    stderr: "piped",
  });
  const { code, stderr } = await elsewhere.run(() => command.spawn()).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /another process serves it/);
  await untilTwoWay(conversation);
  assert.equal((await world.sessions()).length, 1);
});

Deno.test("a second daemon of the same namespace gives up, whatever its configuration", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  const second = world.use(
    new Daemon(world.relay, {
      kernel: { start_port: 40000, end_port: 41000 },
      "UDP socket": { socket_udp_port: 8090 },
    }),
  );
  second.spawn();
  assert.equal(await second.ended(), 1);
  assert.match(second.log, /another lrkproxy daemon runs in this network namespace/);
  await untilTwoWay(conversation);
  await world.kamailio.ping();
});

Deno.test("the command line's socket is for its owner only, and is gone after a stop", async () => {
  await using world = await openWorld();
  const { mode } = await Deno.stat(world.daemon.adminSocket);
  assert.equal((mode ?? 0) & 0o777, 0o660);
  assert.equal((await world.daemon.cli("stop")).code, 0);
  await world.daemon.ended();
  await assert.rejects(Deno.stat(world.daemon.adminSocket), Deno.errors.NotFound);
});

Deno.test("show says of a silent call that neither party was ever heard", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { findings } = await world.show();
  assert.equal(findings.length, 3);
  assert.match(findings[0] ?? "", /caller was never heard.*10\.10\.1\.10.*10\.10\.1\.1:20002/);
  assert.match(findings[1] ?? "", /callee was never heard.*192\.0\.2\.20.*192\.0\.2\.1:20000/);
  assert.match(findings[2] ?? "", /^Nobody is heard now: tcpdump/);
});

Deno.test("show says that a party which was never heard speaks from another address than SDP says", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const [address] = ADDRESSES.callerStrangers;
  const caller = world.caller(6000, address);
  caller.talk(CALL.snat);
  await until("it is turned away", async () => await refusedFrom(world.relay, address) >= 5);
  const { findings, strangers } = await world.show();
  assert(findings.some((text) => /caller was never heard/.test(text)), findings.join("\n"));
  const refused = /refused: SDP says that the caller is at 10\.10\.1\.10; if that is the caller/;
  assert(findings.some((text) => refused.test(text)), findings.join("\n"));
  assert(strangers.some(({ from, to }) => from === caller.rtp.at && to === CALL.snat));
});

Deno.test("show says where a party behind NAT really is, and whose packets the lock refuses", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller({ rtp: 41234, rtcp: 6001 }), world.callee(7000));
  await untilLocked(world);
  const second = world.caller(45000);
  second.talk(CALL.snat);
  await until("the second sender is turned away", async () => {
    return await refusedFrom(world.relay, second.rtp.at) >= 5;
  });
  const { findings } = await world.show();
  const nat = /caller's RTP comes from 10\.10\.1\.10:41234, SDP says 10\.10\.1\.10:6000: NAT/;
  assert(findings.some((text) => nat.test(text)), findings.join("\n"));
  const refused = /from 10\.10\.1\.10:45000 to 10\.10\.1\.1:20002 refused.*locked to another port/;
  assert(findings.some((text) => refused.test(text)), findings.join("\n"));
});

Deno.test("show says that a party is on hold, and nothing amiss of a call that flows", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  const { findings } = await world.show();
  assert.equal(findings.length, 3, findings.join("\n"));
  assert.match(
    findings[0] ?? "",
    /^Both parties are heard, .* is forwarded by the relay\. Whether it arrives is not/,
  );
  assert.match(findings[1] ?? "", /^If one of them hears nothing: sudo lrkproxy doctor /);
  assert.match(findings[2] ?? "", /^What leaves this machine: tcpdump .* 20000 .* 20002 /);
  await world.kamailio.open({ ...CALL, dnat: "192.0.2.20:0" });
  await until("packets are swallowed", async () => {
    return (await readSet(world.relay, "held")).some(({ packets }) => packets > 0);
  });
  assert((await world.show()).findings.some((text) => /callee is on hold/.test(text)));
});

Deno.test("several media instances in one daemon have control ports, addresses and ports of their own", async () => {
  await using world = await openWorld({
    ini: { "instance second": { control_port: 8081, start_port: 40000, end_port: 50000 } },
  });
  const second = world.use(new Kamailio(world.relay, { port: 8081 }));
  assert.deepEqual([(await world.kamailio.config()).startPort, (await second.config()).startPort], [
    20000,
    40000,
  ]);
  const call = { ...CALL, snat: "10.10.1.1:40002", dst: "192.0.2.1:40000" };
  await second.open(call);
  await converse(world.caller(6000), world.callee(7000), call);
  assert.equal((await world.show()).session.instance, "second");
  await world.kamailio.close(call);
  assert.equal((await world.sessions()).length, 1, "D of the other instance is for another call");
  const { instances } = await world.status();
  assert.deepEqual(instances.map(({ name, portsInUse }) => [name, portsInUse]), [
    ["default", 0],
    ["second", 4],
  ]);
});
