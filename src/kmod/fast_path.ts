import type { Amount } from "../core/backend.ts";
import type {
  FastCounts,
  FastEdit,
  FastFlow,
  FastOutcome,
  FastPath,
  FastPut,
  FastState,
} from "../core/fast_path.ts";
import { type FlowKey, flowKeyText } from "../core/session.ts";
import { DEVICE, Device, DeviceAbsent } from "./device.ts";
import {
  ABI_VERSION,
  type Answers,
  BATCH_MAX,
  COUNTED,
  type Fault,
  REASON,
  REQUEST,
  Requests,
} from "./wire.ts";

/** Flows of a page of a dump, which is an answer more. */
const PAGE_FLOWS = BATCH_MAX - 1;
/** How often a dump is begun anew because the module's table has grown meanwhile. */
const DUMP_ATTEMPTS = 5;
const REFUSALS: Readonly<Record<number, string>> = {
  [REASON.full]: "the kernel module has no room for more flows (its parameter max_flows)",
  [REASON.memory]: "the kernel module got no memory",
};

/** One flow of an edit, and what is to be asked of the module for it. */
type Step =
  | { readonly kind: "remove"; readonly at: number; readonly key: FlowKey }
  | { readonly kind: "put"; readonly at: number; readonly flow: FastFlow; isCarried: boolean };

/** Carries decided flows in the kernel module. The device is open only for the length of a call. */
export class KmodFastPath implements FastPath {
  readonly name = "kmod";
  readonly #path: string;
  readonly #requests = new Requests(BATCH_MAX);

  /** `path` is that of the device. */
  constructor(path = DEVICE) {
    this.#path = path;
  }

  state(): FastState | string {
    try {
      return this.#askState();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #askState(): FastState | string {
    return this.#withDevice<FastState | string>((device) => {
      const requests = this.#requests;
      requests.clear().plain(REQUEST.hello, { value: ABI_VERSION }).plain(REQUEST.stats);
      const fault = device.write(requests.bytes);
      if (fault?.reason === REASON.version) {
        return "the kernel module is of another version of lrkproxy: rebuild it and load it anew";
      }
      if (fault) return faultText(fault);
      const answers = device.read(2);
      if (answers.count < 2) return `${this.#path} does not answer as the kernel module does`;
      return answers.state(1, answers.maxFlows(0));
    }, (reason) => reason);
  }

  edit({ remove, put }: FastEdit): FastOutcome {
    const removed = remove.map((): Amount | null => null);
    const refused = put.map((): string | null => null);
    return this.#withDevice((device) => {
      for (let at = 0; at < remove.length; at += BATCH_MAX) {
        const keys = remove.slice(at, at + BATCH_MAX);
        if (this.#removeAll(device, keys, { removed, at })) continue;
        const steps = keys.map((key, i): Step => ({ kind: "remove", at: at + i, key }));
        this.#take(device, steps, { removed, refused });
      }
      for (let at = 0; at < put.length; at += BATCH_MAX) {
        const some = put.slice(at, at + BATCH_MAX);
        if (this.#putAll(device, some)) continue;
        const steps = some.map((each, i): Step => ({ kind: "put", at: at + i, ...each }));
        this.#take(device, steps, { removed, refused });
      }
      return { removed, refused };
    }, (reason) => ({ removed, refused: refused.map(() => reason) }));
  }

  count(keys: readonly (FlowKey | null)[]): FastCounts {
    if (keys.every((key) => key === null)) return { at: () => null };
    return this.#withDevice((device) => this.#count(device, keys), () => ({ at: () => null }));
  }

  flows(): Iterable<FastFlow> {
    return this.#withDevice((device) => {
      for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
        const flows = this.#dump(device);
        if (flows) return flows;
      }
      throw new Error("Cannot read the kernel module's flows: they keep changing");
    }, () => []);
  }

  clear(): void {
    this.#withDevice((device) => {
      const fault = device.write(this.#requests.clear().plain(REQUEST.flush).bytes);
      if (fault) throw new Error(faultText(fault));
    }, () => {});
  }

  /** Take flows out if all of them are there; the answer is whether they were. */
  #removeAll(
    device: Device,
    keys: readonly FlowKey[],
    { removed, at }: { readonly removed: (Amount | null)[]; readonly at: number },
  ): boolean {
    const requests = this.#requests.clear();
    for (const key of keys) requests.key(REQUEST.delete, key);
    if (device.write(requests.bytes)) return false;
    const answers = readCounts(device, keys.length);
    for (let i = 0; i < keys.length; i++) removed[at + i] = answers.countOf(i);
    return true;
  }

  /** Put flows in if nothing is against any of them; the answer is whether that was so. */
  #putAll(device: Device, puts: readonly FastPut[]): boolean {
    const requests = this.#requests.clear();
    for (const { flow, isCarried } of puts) {
      requests.flow(isCarried ? REQUEST.update : REQUEST.add, flow);
    }
    return device.write(requests.bytes) === null;
  }

  /**
   * Do some steps as one write if the module is as the steps say; and where it is not, make it so.
   * Whatever fails, a flow that was to be removed is not there afterwards.
   */
  #take(device: Device, steps: readonly Step[], outcome: Outcome): void {
    let left = steps;
    let isVerified = false;
    while (left.length > 0) {
      const fault = this.#write(device, left);
      if (!fault) return this.#readRemoved(device, left, outcome);
      const { reason } = fault;
      const less = withoutNew(left, fault, outcome);
      if (less.length < left.length) {
        left = less;
      } else if ((reason === REASON.exists || reason === REASON.unknown) && !isVerified) {
        left = this.#verified(device, left);
        isVerified = true;
      } else {
        return this.#takeOneByOne(device, left, outcome);
      }
    }
  }

  #write(device: Device, steps: readonly Step[]): Fault | null {
    const requests = this.#requests.clear();
    for (const step of steps) {
      if (step.kind === "remove") requests.key(REQUEST.delete, step.key);
      else requests.flow(step.isCarried ? REQUEST.update : REQUEST.add, step.flow);
    }
    return device.write(requests.bytes);
  }

  #readRemoved(device: Device, steps: readonly Step[], { removed }: Outcome): void {
    const removals = steps.filter((step) => step.kind === "remove");
    if (removals.length === 0) return;
    const answers = readCounts(device, removals.length);
    removals.forEach(({ at }, i) => removed[at] = answers.countOf(i));
  }

  /** The steps as they have to be, given what the module really carries. */
  #verified(device: Device, steps: readonly Step[]): readonly Step[] {
    const present = new Set<string>();
    const keys = steps.map((step) => step.kind === "remove" ? step.key : step.flow.key);
    const counts = this.#count(device, keys);
    keys.forEach((key, i) => counts.at(i) && present.add(flowKeyText(key)));
    return steps.flatMap((step): readonly Step[] => {
      if (step.kind === "remove") return present.delete(flowKeyText(step.key)) ? [step] : [];
      const text = flowKeyText(step.flow.key);
      const isCarried = present.has(text);
      present.add(text);
      return [{ ...step, isCarried }];
    });
  }

  /** Somebody else is at work, or one of them is not what the module takes. */
  #takeOneByOne(device: Device, steps: readonly Step[], outcome: Outcome): void {
    for (const step of steps) {
      const [own] = this.#verified(device, [step]);
      const fault = own ? this.#write(device, [own]) : null;
      if (!own || !fault) {
        if (own) this.#readRemoved(device, [own], outcome);
      } else if (own.kind === "remove") {
        throw new Error(`Cannot take a flow out of the kernel module: ${faultText(fault)}`);
      } else {
        outcome.refused[own.at] = REFUSALS[fault.reason] ?? faultText(fault);
        // What it did before is not what it shall do.
        if (own.isCarried) this.#write(device, [{ kind: "remove", at: -1, key: own.flow.key }]);
      }
    }
  }

  #count(device: Device, keys: readonly (FlowKey | null)[]): FastCounts {
    const requests = this.#requests.clear();
    const told: Answers[] = [];
    const ask = (): void => {
      const fault = device.write(requests.bytes);
      if (fault) throw new Error(faultText(fault));
      told.push(readCounts(device, requests.count).copy());
      requests.clear();
    };
    let asked = 0;
    // Which of those that were asked for each one is.
    const nths = Int32Array.from(keys, (key) => {
      if (!key) return -1;
      if (requests.count === BATCH_MAX) ask();
      requests.key(REQUEST.count, key);
      return asked++;
    });
    if (requests.count > 0) ask();
    return {
      at: (index) => {
        const nth = nths[index] ?? -1;
        return told[Math.floor(nth / BATCH_MAX)]?.countOf(nth % BATCH_MAX) ?? null;
      },
    };
  }

  /** Every flow; null if the module's table was replaced on the way. */
  #dump(device: Device): readonly FastFlow[] | null {
    const flows: FastFlow[] = [];
    let cursor = 0n;
    do {
      const requests = this.#requests.clear();
      requests.plain(REQUEST.dump, { value: PAGE_FLOWS, cursor });
      const fault = device.write(requests.bytes);
      if (fault?.reason === REASON.cursor) return null;
      if (fault) throw new Error(faultText(fault));
      const answers = device.read(PAGE_FLOWS + 1);
      for (let i = 0; i < answers.count - 1; i++) flows.push(answers.flow(i));
      cursor = answers.cursor(answers.count - 1);
    } while (cursor !== 0n);
    return flows;
  }

  #withDevice<T>(task: (device: Device) => T, otherwise: (reason: string) => T): T {
    let device: Device;
    try {
      device = new Device(this.#path);
    } catch (error) {
      if (error instanceof DeviceAbsent) return otherwise(error.message);
      throw error;
    }
    using _device = device;
    return task(device);
  }
}

/** The answers to a write of so many removals or counts. */
function readCounts(device: Device, flows: number): Answers {
  return device.read(Math.ceil(flows / COUNTED));
}

/** An outcome that is being filled in. */
interface Outcome {
  readonly removed: (Amount | null)[];
  readonly refused: (string | null)[];
}

/**
 * If there is no room, the steps without the new flow at fault and all new ones after it. What is
 * carried already goes on.
 */
function withoutNew(steps: readonly Step[], fault: Fault, { refused }: Outcome): readonly Step[] {
  if (fault.reason !== REASON.full && fault.reason !== REASON.memory) return steps;
  return steps.filter((step, i) => {
    if (step.kind === "remove" || step.isCarried || i < fault.index) return true;
    refused[step.at] = REFUSALS[fault.reason] ?? faultText(fault);
    return false;
  });
}

function faultText({ error, reason }: Fault): string {
  return `the kernel module refuses a request (errno ${error}, reason ${reason})`;
}
