/** What a registration asks for, beyond its form: is the endpoint ours, does the envelope open, what of an older registration still counts. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { open, type SealingKey } from '../protocol/envelope.ts';
import { protocolBindingOf } from '../protocol/exchange-binding.ts';
import type { Credentials, WatchedFolder } from './account.ts';
import type { AccountSecret, StoredAccount } from './accounts/records.ts';
import { NOTHING_TOLD } from './activesync/told.ts';
import { parseCredentials } from './credentials.ts';
import type { Notifier } from './notifier.ts';
import type { FieldProblem, RegisterRequest } from './rpc/methods.ts';

/** A key pair and the name that devices give it. */
export interface NamedSealingKey {
  readonly id: string;
  readonly key: SealingKey;
}

/** The first is the one that devices are told; the others still open what was sealed to them before. */
export type SealingKeys = readonly [NamedSealingKey, ...NamedSealingKey[]];

export interface RegistrationDeps {
  readonly notifier: Pick<Notifier, 'check'>;
  readonly sealingKeys: SealingKeys;
  /** How old an envelope may be, or how far ahead of us, by the device's clock. */
  readonly sealedAgeMsMax: number;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** What a request comes to. */
export type OpenedRegistration =
  | {
      readonly kind: 'opened';
      readonly credentials: Credentials;
      /** When, by the device's clock; undefined when it does not say. */
      readonly sealedAtMs: number | undefined;
    }
  | { readonly kind: 'invalid'; readonly fields: readonly FieldProblem[] }
  /** The push server does not answer, so nobody knows whose the endpoint is. */
  | { readonly kind: 'unavailable' };

/** The envelope opened, and what is wrong with the request beyond its form. Never rejects. */
export async function openRegistration(
  request: RegisterRequest,
  { notifier, ...sealing }: RegistrationDeps,
): Promise<OpenedRegistration> {
  const { endpoint, stateEndpoint } = request;
  const [first, second] = await Promise.all([
    notifier.check(endpoint),
    stateEndpoint === undefined ? 'ours' : notifier.check(stateEndpoint),
  ]);
  if (first === 'unknown' || second === 'unknown') return { kind: 'unavailable' };
  const expected = 'an endpoint of this server';
  const foreign = [
    ...(first === 'foreign' ? [{ field: 'endpoint', expected }] : []),
    ...(second === 'foreign' ? [{ field: 'stateEndpoint', expected }] : []),
  ];
  const opened = await openSealed(request, sealing);
  if (opened.kind !== 'opened') return { ...opened, fields: [...foreign, ...opened.fields] };
  return foreign.length > 0 ? { kind: 'invalid', fields: foreign } : opened;
}

async function openSealed(
  { endpoint, protocol, server, exchange, keyId, sealed }: RegisterRequest,
  { sealingKeys, sealedAgeMsMax, clock }: Omit<RegistrationDeps, 'notifier'>,
): Promise<Exclude<OpenedRegistration, { kind: 'unavailable' }>> {
  const sealing = sealingKeys.find(({ id }) => id === keyId);
  if (sealing === undefined) {
    const expected = 'the id of a key of this server: ask for it again';
    return { kind: 'invalid', fields: [{ field: 'keyId', expected }] };
  }
  const bound = protocolBindingOf(protocol, exchange);
  const binding = { endpoint, protocol: bound, ...server };
  const text = await open(sealed, sealing.key.privateKey, binding);
  if (text === undefined) {
    const expected = 'credentials sealed to that key, for this endpoint, mail server and exchange';
    return { kind: 'invalid', fields: [{ field: 'sealed', expected }] };
  }
  const parsed = parseCredentials(text);
  if (!parsed.ok) return { kind: 'invalid', fields: parsed.problems };
  const { credentials, sealedAtMs } = parsed;
  if (sealedAtMs !== undefined && Math.abs(clock.nowMs() - sealedAtMs) > sealedAgeMsMax) {
    const now = new Date(clock.nowMs()).toISOString();
    const expected = `credentials sealed within the last ${sealedAgeMsMax / MS_PER_SECOND} s; here it is ${now}`;
    return { kind: 'invalid', fields: [{ field: 'sealed', expected }] };
  }
  return { kind: 'opened', credentials, sealedAtMs };
}

/** An account of the same endpoint, as it was before. */
export interface OlderAccount {
  readonly older: StoredAccount | undefined;
  readonly olderSecret: AccountSecret | undefined;
}

const GENERATION_BYTES = 16;
const MS_PER_SECOND = 1000;
/** Registrations of one endpoint that overtake each other on their way, by so much at most. */
export const ORDER_SLACK_MS = 60_000;

/** The secret of a new registration. */
export function secretOf(
  request: RegisterRequest,
  credentials: Credentials,
  before: OlderAccount,
): AccountSecret {
  const { endpoint, stateEndpoint, protocol, server, exchange } = request;
  return {
    generation: randomBytes(GENERATION_BYTES).toString('hex'),
    ...{ endpoint, protocol, server, credentials },
    // The device's own request data is its baseline, whatever was told before.
    folders: protocol === 'activesync' ? NOTHING_TOLD : foldersOf(request, credentials, before),
    ...(stateEndpoint === undefined ? {} : { stateEndpoint }),
    ...(exchange === undefined ? {} : { exchange }),
  };
}

/**
 * Where the new watch begins. The device's own baseline counts before ours: it knows what it has synced. Ours counts when it is of the same
 * user on the same server.
 */
function foldersOf(
  request: RegisterRequest,
  { username }: Credentials,
  { older, olderSecret }: OlderAccount,
): readonly WatchedFolder[] {
  const isSameMailbox =
    olderSecret?.protocol === request.protocol &&
    olderSecret.server.host === request.server.host &&
    olderSecret.credentials.username === username &&
    older?.generation === olderSecret.generation;
  const known = isSameMailbox ? (older?.progress.folders ?? []) : [];
  return request.folders.map((folder): WatchedFolder => {
    if (folder.baseline !== undefined) return folder;
    return known.find(({ name }) => name === folder.name) ?? folder;
  });
}

/**
 * Whether this envelope was sealed before the one that is registered: a gate that has kept it would bring back what the device has replaced.
 * One without its time is older than any that has one; of those that a device sends at the same time any may come last.
 */
export function isOutdated(sealedAtMs: number | undefined, older: StoredAccount): boolean {
  return older.sealedAtMs !== undefined && (sealedAtMs ?? 0) < older.sealedAtMs - ORDER_SLACK_MS;
}
