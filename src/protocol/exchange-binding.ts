/** What an ActiveSync account asks of its server, in the form that the envelope of its credentials is bound to. */

/** As it goes over the wire. */
export interface BoundExchange {
  readonly path: string;
  readonly requestData: string;
  readonly noChangeReply?: string;
  readonly isSync: boolean;
  readonly responseTimeoutMs: number;
  readonly protocolVersion: string;
  readonly policyKey?: string;
  readonly userAgent?: string;
}

/**
 * The `protocol` of the binding: with an exchange also all that is asked, so that somebody who holds the gate cannot have anything else
 * asked with the device's credentials, such as a Sync that deletes. docs/mail.md has the form.
 */
export function protocolBindingOf(protocol: string, exchange: BoundExchange | undefined): string {
  if (exchange === undefined) return protocol;
  const { path, requestData, noChangeReply = null, isSync } = exchange;
  const { responseTimeoutMs, protocolVersion, policyKey = null, userAgent = null } = exchange;
  return JSON.stringify([
    ...[protocol, path, requestData, noChangeReply, isSync],
    ...[responseTimeoutMs, protocolVersion, policyKey, userAgent],
  ]);
}
