/** What a device in the terminal says. Everything that others wrote is made printable. */
import { unreachable } from '../assert.ts';
import type { Registration } from '../client/channel.ts';
import type { Update } from '../client/codec.ts';
import type { DeviceEvent, DeviceState, Problem } from '../client/events.ts';
import { lossInWords } from '../client/loss.ts';
import { printable } from './printable.ts';

/** Two lines: the channel, and how to send it a version. */
export function channelInWords({ channelId, endpoint }: Registration): string {
  // The only printable character that could end the quotes in a shell.
  const quotable = endpoint.replaceAll("'", '%27');
  return `channel ${channelId}\n  curl -X PUT -d "version=$(date +%s)" '${quotable}'\n`;
}

/** One line: time, channel, version and, if there is any, data as a JSON string. */
export function updateInWords({ channelId, version, data }: Update, nowMs: number): string {
  const words = [new Date(nowMs).toISOString(), channelId, String(version)];
  if (data !== undefined) words.push(printable(JSON.stringify(data)));
  return `${words.join(' ')}\n`;
}

/** One sentence for people; undefined when there is nothing to say. */
export function eventInWords(event: DeviceEvent): string | undefined {
  switch (event.type) {
    case 'state':
      return stateInWords(event.state);
    case 'expired':
      return `The server has forgotten ${event.channelIds.length} of the channels; registering them again.`;
    case 'reset':
      return `The server knows this device as ${event.deviceId} now; registering all channels again.`;
    case 'problem':
      return printable(problemInWords(event.problem));
    case 'registered':
    case 'memory':
      return undefined;
    default:
      return unreachable(event);
  }
}

function stateInWords(state: DeviceState): string | undefined {
  switch (state.kind) {
    case 'connecting':
      return printable(`Connecting to ${state.url} …`);
    case 'open':
      return printable(`Connected to ${state.url}.`);
    case 'waiting': {
      const seconds = (state.retryInMs / 1000).toFixed(1);
      return printable(`Not connected: ${lossInWords(state.loss)}. Trying again in ${seconds} s.`);
    }
    case 'closed':
      return closedInWords(state.why);
    default:
      return unreachable(state);
  }
}

function closedInWords(why: (DeviceState & { kind: 'closed' })['why']): string | undefined {
  switch (why) {
    case 'not-connected-yet':
    case 'asked-to':
      return undefined;
    case 'replaced':
      return 'Ended: another connection of this device has taken over.';
    case 'asleep':
      return 'Ended: the server will wake the device in another way.';
    default:
      return unreachable(why);
  }
}

function problemInWords(problem: Problem): string {
  switch (problem.kind) {
    case 'listener-threw':
      return `Version ${problem.update.version} could not be handled and will come again.`;
    case 'updates-not-taken':
      return `${problem.count} versions came too fast and will come again.`;
    case 'elements-skipped':
      return `${problem.count} parts of a notification could not be read.`;
    case 'request-refused':
      return `The server refused a request with ${problem.status}: ${problem.reason}`;
    case 'kick-target-refused':
      return `The server cannot wake this device: ${problem.reason}`;
    default:
      return unreachable(problem);
  }
}
