import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type Members, parseMembers } from './members.ts';

/** Who sends: the members of Google's file that matter, read. */
export interface ServiceAccount {
  /** Whose apps are woken. */
  readonly projectId: string;
  readonly clientEmail: string;
  /** Signs RS256. It shows nothing of itself when it is printed. */
  readonly privateKey: KeyObject;
  /** Which of the account's keys it is; older files do not say. */
  readonly privateKeyId: string | undefined;
  /** Where access tokens are given for signatures. */
  readonly tokenUrl: string;
}

export type ServiceAccountReading =
  | { readonly kind: 'read'; readonly account: ServiceAccount }
  /** Each problem is a sentence about one member; none quotes the key. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Google's own limits are some hundred; a bound for what goes into URLs and signatures. */
const MEMBER_CHARACTERS_MAX = 2048;
/** RFC 7518, section 3.3: RS256 takes no smaller key. */
const MODULUS_BITS_MIN = 2048;
/** Ids of today's projects, and those of old ones, which begin with a domain. */
const PROJECT_ID = /^[a-z0-9.:-]+$/i;

/** Reads the JSON that the Firebase console makes for a service account. */
export function parseServiceAccount(text: string): ServiceAccountReading {
  const members = parseMembers(text);
  if (members === undefined) return { kind: 'refused', problems: ['It is not a JSON object.'] };
  const { type } = members;
  // Another kind of file lacks everything else too; one sentence says it better than four.
  if (type !== 'service_account') {
    const found = type === 'authorized_user' || type === 'external_account' ? ` "${type}",` : '';
    return {
      kind: 'refused',
      problems: [`Its "type" is${found} not "service_account": it is another kind of file.`],
    };
  }
  const problems: string[] = [];
  const projectId = readText(members, 'project_id', problems);
  if (projectId !== '' && !PROJECT_ID.test(projectId)) {
    problems.push('"project_id" is not the id of a project.');
  }
  const clientEmail = readText(members, 'client_email', problems);
  if (clientEmail !== '' && !clientEmail.includes('@')) {
    problems.push('"client_email" is not an e-mail address.');
  }
  const tokenUrl = readText(members, 'token_uri', problems);
  // What is sent there buys access tokens.
  if (tokenUrl !== '' && !isHttpsUrl(tokenUrl)) problems.push('"token_uri" is not an https URL.');
  const privateKey = readPrivateKey(members, problems);
  const keyId = members['private_key_id'];
  if (privateKey === undefined || problems.length > 0) return { kind: 'refused', problems };
  const privateKeyId = typeof keyId === 'string' ? keyId : undefined;
  return {
    kind: 'read',
    account: { projectId, clientEmail, privateKey, privateKeyId, tokenUrl },
  };
}

/** Empty when there is a problem, which is told. */
function readText(members: Members, name: string, problems: string[]): string {
  const value = members[name];
  if (value === undefined || value === '') problems.push(`"${name}" is missing.`);
  else if (typeof value !== 'string') problems.push(`"${name}" must be a string.`);
  else if (value.length > MEMBER_CHARACTERS_MAX) problems.push(`"${name}" is too long.`);
  else return value;
  return '';
}

function isHttpsUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}

function readPrivateKey(members: Members, problems: string[]): KeyObject | undefined {
  const pem = members['private_key'];
  if (pem === undefined || pem === '') problems.push('"private_key" is missing.');
  else if (typeof pem !== 'string') problems.push('"private_key" must be a string.');
  else return parsePrivateKey(pem, problems);
  return undefined;
}

function parsePrivateKey(pem: string, problems: string[]): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType === 'rsa' && bits >= MODULUS_BITS_MIN) return key;
    problems.push(`"private_key" must be an RSA key of at least ${MODULUS_BITS_MIN} bits.`);
  } catch {
    // OpenSSL says no more than that it cannot decode.
    problems.push('"private_key" is not a private key in PEM form; was the file cut or edited?');
  }
  return undefined;
}
