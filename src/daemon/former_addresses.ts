import { formatIpv4 } from "../base/ipv4.ts";
import type { InstanceConfig } from "../config/config.ts";
import type { Session } from "../core/session.ts";

/**
 * Knows whether Kamailio opens calls with addresses that an instance had before a reload: it asks for them only when it
 * starts.
 */
export class FormerAddresses {
  /** By instance: the addresses of the session that was opened last, where they are former ones. */
  readonly #named = new Map<string, readonly string[]>();

  /** Note a session that has just been opened; the answer is whether something is new. */
  note({ instance, a, b }: Session, instances: readonly InstanceConfig[]): boolean {
    const config = instances.find(({ name }) => name === instance);
    if (!config) return false;
    const present = [config.internalLocal, config.externalLocal];
    const former = [a, b].map(({ local }) => formatIpv4(local.address))
      .filter((address) => !present.includes(address));
    const before = this.#named.get(instance) ?? [];
    if (former.length === 0) this.#named.delete(instance);
    else this.#named.set(instance, [...new Set(former)]);
    return before.join() !== (this.#named.get(instance) ?? []).join();
  }

  /** What somebody should see to. */
  warnings(): readonly string[] {
    return [...this.#named].map(([instance, addresses]) =>
      `Kamailio still gives out ${
        addresses.join(" and ")
      }, which instance "${instance}" had before a reload`
    );
  }
}
