/** What the operator is told when Apple does not accept an app's set-up: which key of the config, and where to get a right one. */
import type { ApnsApp } from './app.ts';

const KEYS_PAGE = "Apple's developer account under Certificates, Identifiers & Profiles → Keys";
const IDENTIFIERS_PAGE =
  "Apple's developer account under Certificates, Identifiers & Profiles → Identifiers";

type Sentence = (section: string, app: ApnsApp) => string;

const badTopic: Sentence = (section, { topic }) =>
  `${section}.topic: "${topic}" is not an app that this team and key may push to; see ${IDENTIFIERS_PAGE}`;

const SENTENCES: ReadonlyMap<string, Sentence> = new Map(
  Object.entries<Sentence>({
    BadEnvironmentKeyIdInToken: (section, { origin }) =>
      `${section}.key_id: the key is not made for ${origin} (host); change one of the two, or create a key for both environments in ${KEYS_PAGE}`,
    BadTopic: badTopic,
    ExpiredProviderToken: (section) =>
      `${section}: Apple calls a token expired that was just made; set this machine's clock right`,
    Forbidden: (section) =>
      `${section}: Apple refuses this team or key; see whether the key was revoked in ${KEYS_PAGE}`,
    InvalidProviderToken: (section) =>
      `${section}: key_path, key_id and team_id do not belong together, or the key was revoked; compare them, or create one in ${KEYS_PAGE}`,
    TopicDisallowed: badTopic,
    UnrelatedKeyIdInToken: (section) =>
      `${section}.key_id: another key is in use on the same connection; something between here and Apple shares it`,
  }),
);

/** `reason` is Apple's word, which ends the sentence. */
export function adviceOnReason(app: ApnsApp, reason: string): string {
  const section = sectionOf(app);
  const sentence = SENTENCES.get(reason)?.(section, app) ?? `${section}: Apple refuses this set-up`;
  return `${sentence} (${reason})`;
}

/** `reason` says what is wrong with the file's content. */
export function adviceOnKey(app: ApnsApp, reason: string): string {
  return `${sectionOf(app)}.key_path: ${reason}; use the .p8 file of a key, or create one in ${KEYS_PAGE}`;
}

/** The question could not be asked. */
export function adviceOnSilence(app: ApnsApp, reason: string): string {
  return `${sectionOf(app)}.host: ${app.origin} could not be asked: ${reason}`;
}

/** Two apps of one topic: devices name their app by it. */
export function adviceOnTwins(app: ApnsApp, twin: ApnsApp): string {
  return `${sectionOf(app)}.topic: is also that of ${sectionOf(twin)}, which alone is used`;
}

function sectionOf({ name }: ApnsApp): string {
  return `kick.apns.apps.${name}`;
}
