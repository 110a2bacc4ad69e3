import assert from "node:assert/strict";
import type { Command } from "../core/plan.ts";
import type { Outcome } from "../core/relay.ts";
import { type Engine, Inbox } from "./inbox.ts";

const FIELDS = "10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60";

const REFUSED: Outcome = { ok: false, error: { reason: "collision", message: "" } };

/** An engine that notes its batches, and does what it is told when it is. */
class ScriptedEngine implements Engine {
  readonly batches: (readonly Command[])[] = [];
  outcome: (command: Command) => Outcome = () => ({ ok: true, value: "opened" });
  gate: Promise<void> = Promise.resolve();

  async handle(commands: readonly Command[]): Promise<readonly Outcome[]> {
    this.batches.push(commands);
    await this.gate;
    return commands.map((command) => this.outcome(command));
  }

  configOf(instance: string) {
    const currentPort = instance === "second" ? 40000 : 20000;
    return {
      startPort: currentPort,
      endPort: 50000,
      currentPort,
      internalIp: "10.10.1.1",
      externalIp: "192.0.2.1",
    };
  }
}

/** An inbox with a scripted engine; answers and errors pile up. */
function open() {
  const engine = new ScriptedEngine();
  const errors: unknown[] = [];
  const answers: (string | null)[] = [];
  const state = { isDraining: false };
  const onError = (error: unknown): void => void errors.push(error);
  const inbox = new Inbox(engine, onError, () => state.isDraining);
  const take = (text: string, instance = "default"): void =>
    inbox.take({
      instance,
      bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)),
      framing: "cookie",
      answer: (reply) => void answers.push(reply && String.fromCharCode(...reply)),
    });
  return { engine, inbox, state, take, answers, errors };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Inbox answers P and G at once, and garbage not at all", () => {
  const { take, answers, inbox, engine } = open();
  for (const text of ["c1 P", "c2 G", "", "garbage", "c3 P PONG"]) take(text);
  assert.deepEqual(answers.map((answer) => answer?.slice(0, 9)), [
    "c1 P PONG",
    "c2 G \u0020\u004e\u0000\u0000",
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(engine.batches, []);
  const { ping, config, garbage } = inbox.counts;
  assert.deepEqual([ping, config, garbage], [1, 1, 3]);
});

Deno.test("Inbox carries out what asks for no reply, and gives none", async () => {
  const { take, answers, inbox, engine } = open();
  for (const body of ["P", "G", `S ${FIELDS} id `, `D ${FIELDS} id `, "X"]) take(`- ${body}`);
  await inbox.settled();
  // Null would be taken for garbage, and logged.
  assert.deepEqual(answers, []);
  assert.deepEqual(engine.batches.map((batch) => batch.map(({ kind }) => kind)), [[
    "open",
    "close",
  ]]);
  const { ping, config, open: opened, close, refused, garbage } = inbox.counts;
  assert.deepEqual([ping, config, opened, close, refused, garbage], [1, 1, 1, 1, 1, 0]);
});

Deno.test("Inbox notes whose requests they are, and nobody of garbage", async () => {
  const { inbox, take } = open();
  take(`c1 S ${FIELDS} id `);
  take("c2 G", "second");
  take("garbage");
  const from = { family: 4, bytes: Uint8Array.of(10, 0, 0, 5) } as const;
  const bytes = new TextEncoder().encode(`c3 D ${FIELDS} id `);
  inbox.take({ instance: "default", bytes, framing: "cookie", from, answer: () => {} });
  await inbox.settled();
  const seen = inbox.peers.view(performance.now()).map(({ instance, address, open, close }) =>
    [instance, address, open, close].join(" ")
  );
  assert.deepEqual(seen, ["default 10.0.0.5 0 1", "second unix 0 0", "default unix 1 0"]);
});

Deno.test("Inbox tells each instance its own configuration", () => {
  const { take, answers } = open();
  take("c G", "second");
  assert.equal(answers[0]?.slice(4, 8), "\u0040\u009c\u0000\u0000");
});

Deno.test("Inbox gives what comes in one turn to the engine at once, in its order", async () => {
  const { take, engine, answers } = open();
  for (const n of [1, 2, 3]) take(`c${n} S ${FIELDS} call-${n} `);
  take(`c4 D ${FIELDS} call-1 `);
  assert.deepEqual(answers, [], "OK is said once the data path has confirmed");
  await turn();
  const [batch, ...more] = engine.batches;
  assert.deepEqual(more, []);
  assert.deepEqual(
    batch?.map(({ kind, fields }) => `${kind} ${fields.callId}`),
    ["open call-1", "open call-2", "open call-3", "close call-1"],
  );
  assert.deepEqual(answers, [
    ...[1, 2, 3].map((n) => `c${n} S ${FIELDS} call-${n} OK`),
    `c4 D ${FIELDS} call-1 OK`,
  ]);
});

Deno.test("Inbox refuses with the request and ER", async () => {
  const { take, engine, answers, inbox } = open();
  engine.outcome = ({ fields }) =>
    fields.callId === "bad" ? REFUSED : { ok: true, value: "opened" };
  take(`c1 S ${FIELDS} bad `);
  take(`c2 S ${FIELDS} good `);
  take("c3 X y");
  await turn();
  assert.deepEqual(answers.toSorted(), [
    `c1 S ${FIELDS} bad ER`,
    `c2 S ${FIELDS} good OK`,
    "c3 X yER",
  ]);
  assert.equal(inbox.counts.refused, 2);
});

Deno.test("Inbox collects what comes while a batch is under way into the next", async () => {
  const { take, engine, answers } = open();
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  take(`c1 S ${FIELDS} call-1 `);
  await turn();
  take(`c2 S ${FIELDS} call-2 `);
  take(`c3 S ${FIELDS} call-3 `);
  await turn();
  assert.equal(engine.batches.length, 1);
  assert.deepEqual(answers, []);
  resolve();
  await turn();
  assert.deepEqual(engine.batches.map((batch) => batch.length), [1, 2]);
  assert.equal(answers.length, 3);
  take(`c4 S ${FIELDS} call-4 `);
  await turn();
  assert.equal(answers.length, 4, "and it goes on");
});

Deno.test("Inbox refuses a batch that the engine cannot carry out, and goes on", async () => {
  const { take, engine, answers, errors } = open();
  engine.outcome = () => {
    throw new Error("the test says so");
  };
  take(`c1 S ${FIELDS} call-1 `);
  take(`c2 D ${FIELDS} call-2 `);
  await turn();
  assert.deepEqual(answers, [`c1 S ${FIELDS} call-1 ER`, `c2 D ${FIELDS} call-2 ER`]);
  assert.equal(errors.length, 1);
  engine.outcome = () => ({ ok: true, value: "nothing" });
  take(`c3 D ${FIELDS} call-2 `);
  await turn();
  assert.equal(answers.at(-1), `c3 D ${FIELDS} call-2 OK`);
});

Deno.test("Inbox meters answers by verb and result, and not what still waits", async () => {
  const { engine, inbox, take } = open();
  engine.outcome = ({ kind }) => kind === "open" ? REFUSED : { ok: true, value: "closed" };
  const requests = ["c P", "c G", "c X", "garbage", `c S ${FIELDS} id `, `c D ${FIELDS} id `];
  for (const text of requests) take(text);
  const tally = () =>
    Object.entries(inbox.meter.verbs).map(([verb, { ok, refused, latency }]) => {
      return `${verb} ${ok} ${refused} ${latency.counts.reduce((sum, count) => sum + count)}`;
    });
  assert.deepEqual(tally(), ["P 1 0 1", "G 1 0 1", "S 0 0 0", "D 0 0 0", "other 0 1 1"]);
  await turn();
  assert.deepEqual(tally(), ["P 1 0 1", "G 1 0 1", "S 0 1 1", "D 1 0 1", "other 0 1 1"]);
});

Deno.test("Inbox measures from when a request was received", () => {
  const { inbox } = open();
  const receivedMs = performance.now() - 300;
  const bytes = new TextEncoder().encode("c P");
  inbox.take({ instance: "default", bytes, framing: "cookie", receivedMs, answer: () => {} });
  const { sum } = inbox.meter.verbs.P.latency;
  assert.ok(sum >= 0.3 && sum < 5, `${sum}`);
});

Deno.test("Inbox sends Kamailio away while it drains, and carries out all the same", async () => {
  const { engine, inbox, state, take, answers } = open();
  state.isDraining = true;
  take("1_1 P");
  take("1_2 G");
  const values = { new: "opened", known: "updated", old: "closed" } as const;
  engine.outcome = ({ fields: { callId } }) =>
    callId in values ? { ok: true, value: values[callId as keyof typeof values] } : REFUSED;
  for (const request of ["S FIELDS new ", "S FIELDS known ", "D FIELDS old ", "S FIELDS bad "]) {
    take(`1_3 ${request.replace("FIELDS", FIELDS)}`);
  }
  await inbox.settled();
  assert.deepEqual(answers, [
    "",
    "",
    "",
    `1_3 S ${FIELDS} known OK`,
    `1_3 D ${FIELDS} old OK`,
    `1_3 S ${FIELDS} bad ER`,
  ]);
  assert.deepEqual([inbox.counts.ping, inbox.counts.config, inbox.counts.away], [1, 1, 3]);
  assert.equal(engine.batches.flat().length, 4);
  state.isDraining = false;
  take("1_4 P");
  assert.equal(answers.at(-1), "1_4 P PONG");
});
