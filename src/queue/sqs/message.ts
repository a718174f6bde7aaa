/** Kicks as messages of SQS: JSON in the body, and for dead ones attributes that say why. */
import { parseChannelId, parseDeviceId, toVersion } from '../../protocol/ids.ts';
import type { DeadKick, Kick } from '../queue.ts';
import type { IncomingMessage, OutgoingMessage } from './service.ts';

const FORM = 'reveille-kick-1';
/** SQS counts attributes to a message's size; the spool cuts reasons there, too. */
const REASON_CHARACTERS_MAX = 500;
const REDRIVEN = 'received too often: moved by the redrive policy of the queue';

/** What `parseMessage` reads. */
export function messageOf({ deviceId, channelId, version, storedAtMs }: Kick): OutgoingMessage {
  const body = JSON.stringify({ form: FORM, deviceId, channelId, version, storedAtMs });
  return { body, attributes: {} };
}

/** Undefined when it is not a kick of ours. */
export function parseMessage({ body }: Pick<OutgoingMessage, 'body'>): Kick | undefined {
  const fields = fieldsOf(body);
  if (fields['form'] !== FORM) return undefined;
  const deviceId = parseDeviceId(String(fields['deviceId']));
  const channelId = parseChannelId(String(fields['channelId']));
  const version = toVersion(fields['version']);
  const storedAtMs = toVersion(fields['storedAtMs']);
  if (deviceId === undefined || channelId === undefined) return undefined;
  if (version === undefined || storedAtMs === undefined) return undefined;
  return { deviceId, channelId, version, storedAtMs };
}

/** What is sent to the queue of dead letters. */
export function deadMessageOf(
  kick: Kick,
  { attempts, diedAtMs, reason }: Pick<DeadKick, 'attempts' | 'diedAtMs' | 'reason'>,
): OutgoingMessage {
  // SQS refuses an empty text, most control characters, and halves of pairs, which a buffer replaces.
  const cut = Buffer.from(reason.slice(0, REASON_CHARACTERS_MAX)).toString();
  const text = cut.replaceAll(/\p{Cc}|[\ufffe\uffff]/gu, ' ');
  const attributes = {
    attempts: String(attempts),
    diedAtMs: String(diedAtMs),
    reason: text || '-',
  };
  return { body: messageOf(kick).body, attributes };
}

/** Undefined when it is not a kick of ours. One that SQS has moved by itself carries no reason. */
export function parseDeadMessage(message: IncomingMessage): DeadKick | undefined {
  const kick = parseMessage(message);
  if (kick === undefined) return undefined;
  const { messageId: id, attributes, receiveCount, sentAtMs } = message;
  const { attempts, diedAtMs, reason = REDRIVEN } = attributes;
  return {
    id,
    ...kick,
    attempts: countIn(attempts) ?? receiveCount,
    diedAtMs: countIn(diedAtMs) ?? sentAtMs,
    reason,
  };
}

function countIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : toVersion(Number(text));
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // Whatever it is, it is not ours.
    return {};
  }
}
