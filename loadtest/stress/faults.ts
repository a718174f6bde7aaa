/** What a server can do wrong, as stress sees it from the wire, in the order of their weight. */

/** `one` and `many` complete "N …". A device that is connected and reads counts as present. */
export interface FaultWords {
  readonly one: string;
  readonly many: string;
  /** What the author of the server should look at. */
  readonly hint: string;
}

export const FAULTS = {
  lost: {
    one: 'accepted update was never delivered, not even after the last hello',
    many: 'accepted updates were never delivered, not even after the last hello',
    hint: 'the server answered 200 or 202 and forgot the update before the device acknowledged it',
  },
  lostAway: {
    one: 'update that was accepted while its device was away was never delivered when it came back',
    many: 'updates that were accepted while their devices were away were never delivered when they came back',
    hint: 'an answer of 200 or 202 before the update is stored, or a store that loses some',
  },
  dropped: {
    one: 'accepted update was never sent to a device that stayed connected',
    many: 'accepted updates were never sent to devices that stayed connected',
    hint: 'dropped between the PUT and the socket; a later version of the channel came and hid the loss',
  },
  droppedAway: {
    one: 'update that was accepted while its device was away was not sent when it came back',
    many: 'updates that were accepted while their devices were away were not sent when they came back',
    hint: 'an answer before the update is stored; a later version of the channel came and hid the loss',
  },
  stuck: {
    one: 'accepted update came only after its connected device said hello again',
    many: 'accepted updates came only after their connected devices said hello again',
    hint: 'the update was stored but not sent to the live session',
  },
  ackedAgain: {
    one: 'acknowledged update was delivered again',
    many: 'acknowledged updates were delivered again',
    hint: 'the ack was not stored, or it did not remove the update',
  },
  misdelivered: {
    one: 'update was sent to a device that does not have its channel',
    many: 'updates were sent to devices that do not have their channels',
    hint: 'sessions or channels are mixed up: another device learns of it',
  },
  invented: {
    one: 'version arrived that nobody had PUT',
    many: 'versions arrived that nobody had PUT',
    hint: 'the version is changed on its way',
  },
  reordered: {
    one: 'version arrived after a higher one that was PUT only after its answer',
    many: 'versions arrived after higher ones that were PUT only after their answers',
    hint: 'updates of one channel overtake each other inside the server',
  },
  duplicated: {
    one: 'update came twice before it could be acknowledged',
    many: 'updates came twice before they could be acknowledged',
    hint: 'allowed now and then, but this is more than the accepted share',
  },
  closed: {
    one: 'connection was closed by the server without cause',
    many: 'connections were closed by the server without cause',
    hint: 'the devices had said hello, were reading and broke no rule',
  },
  unanswered: {
    one: 'PUT was never answered',
    many: 'PUTs were never answered',
    hint: 'the request was sent whole; the answer did not come within the wait',
  },
  cutOff: {
    one: 'PUT lost its connection before it was answered',
    many: 'PUTs lost their connections before they were answered',
    hint: 'the server closed a connection with a request in hand',
  },
  badAnswer: {
    one: 'PUT was answered with a status that does not fit',
    many: 'PUTs were answered with statuses that do not fit',
    hint: 'the endpoint is valid and registered, so only 200, 202, 429 and 503 do',
  },
  uaidChanged: {
    one: 'hello was answered with another UAID than the one the device had',
    many: 'hellos were answered with other UAIDs than the ones the devices had',
    hint: 'the device loses its channels; every endpoint it has given away is dead',
  },
  forgotten: {
    one: 'registered channel was declared expired',
    many: 'registered channels were declared expired',
    hint: 'the server has forgotten a channel within the run',
  },
  badMessage: {
    one: 'message was not one that SimplePush knows',
    many: 'messages were not ones that SimplePush knows',
    hint: 'not JSON, no object, or members of a wrong type',
  },
  refusedMessage: {
    one: 'hello or register was answered with an error',
    many: 'hellos or registers were answered with errors',
    hint: 'they were well-formed; 429 and 503 are tried again and not counted',
  },
  unreachable: {
    one: 'device could not connect in time',
    many: 'devices could not connect in time',
    hint: 'refused, reset or without an answer until the wait was over',
  },
} as const satisfies Readonly<Record<string, FaultWords>>;
export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

/** Examples kept of each fault, in each process and in the report. */
export const EXAMPLES_MAX = 10;

/** Counts faults and keeps the first few of each as examples. One per process. */
export class Tally {
  readonly #counts = new Map<Fault, number>();
  readonly #examples = new Map<Fault, string[]>();

  /** `example` is made only when there is room for it. */
  count(fault: Fault, example: () => string): void {
    this.#counts.set(fault, this.countOf(fault) + 1);
    const examples = this.#examples.get(fault) ?? [];
    if (examples.length >= EXAMPLES_MAX) return;
    examples.push(example());
    this.#examples.set(fault, examples);
  }

  countOf(fault: Fault): number {
    return this.#counts.get(fault) ?? 0;
  }

  /** Of the faults that mean a lost update. */
  get lost(): number {
    return (['lost', 'lostAway', 'dropped', 'droppedAway'] as const).reduce(
      (sum, fault) => sum + this.countOf(fault),
      0,
    );
  }

  /** For another process; only what was found. */
  toRecords(): readonly FaultRecord[] {
    return FAULT_NAMES.filter((fault) => this.countOf(fault) > 0).map((fault) => ({
      fault,
      count: this.countOf(fault),
      examples: this.#examples.get(fault) ?? [],
    }));
  }
}

export interface FaultRecord {
  readonly fault: Fault;
  readonly count: number;
  readonly examples: readonly string[];
}

/** One record a fault, in the order of FAULTS. */
export function mergeFaults(parts: readonly (readonly FaultRecord[])[]): readonly FaultRecord[] {
  const all = parts.flat();
  return FAULT_NAMES.flatMap((fault) => {
    const same = all.filter((record) => record.fault === fault);
    if (same.length === 0) return [];
    const count = same.reduce((sum, record) => sum + record.count, 0);
    const examples = same.flatMap((record) => record.examples).slice(0, EXAMPLES_MAX);
    return [{ fault, count, examples }];
  });
}
