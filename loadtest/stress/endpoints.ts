/** Which endpoints PUTs may go to, and where that leads. */
import { isLoopback } from '../wire/target.ts';
import type { Endpoint } from './channel.ts';
import type { Plan } from './plan.ts';

export type ReadEndpoint =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  /** In a sentence for whoever started the run. */
  | { readonly kind: 'refused'; readonly reason: string };

/** One per process: endpoints of the same origin share its text. */
export class Endpoints {
  readonly #plan: Pick<Plan, 'allowRemote' | 'endpointBase'>;
  readonly #origins = new Map<string, string>();

  constructor(plan: Pick<Plan, 'allowRemote' | 'endpointBase'>) {
    this.#plan = plan;
  }

  /** `url` as the server gave it; it is a URL. */
  read(url: string): ReadEndpoint {
    const { origin, pathname, search } = new URL(url);
    const target = this.#plan.endpointBase ?? origin;
    const known = this.#origins.get(target);
    if (known === undefined) {
      const reason = this.#objection(target);
      if (reason !== undefined) return { kind: 'refused', reason };
      this.#origins.set(target, target);
    }
    return {
      kind: 'endpoint',
      endpoint: { origin: known ?? target, path: `${pathname}${search}` },
    };
  }

  #objection(target: string): string | undefined {
    if (!/^https?:/.test(target)) return 'the server gave an endpoint that is no HTTP URL';
    const url = new URL(target);
    if (this.#plan.allowRemote || isLoopback(url)) return undefined;
    return `the endpoints point beyond this machine, to ${url.hostname}; say --allow-remote, or --endpoint-base where they are here`;
  }
}
