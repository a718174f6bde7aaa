/** What the operator is told when Google does not accept the set-up: which key of the config, and where to get a right one. */
/** What one device alone cannot tell: whether the token that it gave is odd, or what the operator has set up. */
export type Doubt = 'wrong-project' | 'no-third-party-key';

const CONSOLE = 'the Firebase console → Project settings → Service accounts';
const NEW_KEY = `get a right one from ${CONSOLE} → Generate new private key`;

export const MAY_NOT_SEND = `the service account of kick.fcm.service_account_path may not send messages: enable the Firebase Cloud Messaging API (V1) of its project, and give the account the role "Firebase Cloud Messaging API Admin", or ${NEW_KEY}`;
export const WRONG_PROJECT = `FCM knows no project of the id in kick.fcm.service_account_path, or kick.fcm.send_url is not FCM: take the project whose apps are to be woken, and ${NEW_KEY}`;
export const WRONG_URL =
  'kick.fcm.send_url leads elsewhere: FCM is at https://fcm.googleapis.com, and a proxy must answer itself';
export const BAD_ACCOUNT = `Google does not take the service account of kick.fcm.service_account_path; ${NEW_KEY}`;
export const BAD_TOKEN_URL = `"token_uri" in the file of kick.fcm.service_account_path is not a token endpoint; ${NEW_KEY}`;
const BAD_CLIENT = `Google no longer knows the service account of kick.fcm.service_account_path; ${NEW_KEY}`;

/** By the error word of the token endpoint (RFC 6749, section 5.2, and Google's own). */
export const TOKEN_ADVICE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    invalid_grant: `the key in the file of kick.fcm.service_account_path was revoked, or does not belong to its "client_email", or this machine's clock is wrong by minutes; ${NEW_KEY}`,
    invalid_client: BAD_CLIENT,
    deleted_client: BAD_CLIENT,
    disabled_client: BAD_CLIENT,
    invalid_request: BAD_TOKEN_URL,
    unsupported_grant_type: BAD_TOKEN_URL,
  }),
);

/** For the log, beside the wake that was refused. */
export const DOUBT_ADVICE: Readonly<Record<Doubt, string>> = {
  'wrong-project':
    'a device gave a token of another project than that of kick.fcm.service_account_path, and no wake has been taken yet: is it the project whose apps are to be woken?',
  'no-third-party-key':
    "a device of Apple's or a browser gave an FCM token, and the project lacks the key for it: add it in the Firebase console → Project settings → Cloud Messaging",
};

/** A new access token was refused like the one before; `reason` is FCM's word. */
export function adviceOnRefusals(reason: string): string {
  return `FCM answers ${reason} to a new access token: the service account of kick.fcm.service_account_path was disabled, or kick.fcm.send_url is not FCM; ${NEW_KEY}.`;
}
