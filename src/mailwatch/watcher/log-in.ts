/** From an account to a connection that is logged in. */
import type { Account, Credentials } from '../account.ts';
import type { Egress } from '../egress.ts';
import type { MailConnection, MailResult, OpenMail } from '../mailbox.ts';

export interface LogInDeps {
  readonly open: OpenMail;
  readonly egress: Egress;
  /**
   * Fresh ones each time: a password from the vault, an access token that is still good. `refused` are those that the server has just
   * refused: a token among them is not to be given again.
   */
  readonly credentialsOf: (
    account: Account,
    refused?: Credentials,
  ) => Promise<MailResult<Credentials>>;
}

/** Never more than two logins: the second one with a new token. Rejects only when `credentialsOf` does. */
export async function logIn(
  account: Account,
  signal: AbortSignal,
  { egress, open, credentialsOf }: LogInDeps,
): Promise<MailResult<MailConnection>> {
  const { server } = account;
  const way = await egress(server.host, server.port);
  if (!way.ok) return way;
  const { address } = way;
  const credentials = await credentialsOf(account);
  if (!credentials.ok) return credentials;
  const opened = await open({ server, address, credentials: credentials.value }, signal);
  if (opened.ok || opened.failure.kind !== 'oauth') return opened;
  // A token may have been revoked before its time. Only when a new one is refused too, the user must act.
  const renewed = await credentialsOf(account, credentials.value);
  if (!renewed.ok) return renewed;
  return await open({ server, address, credentials: renewed.value }, signal);
}
