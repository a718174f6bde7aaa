import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

/**
 * Whom connections of the mail watch believe: Node's authorities, and those in `ca` (PEM) beside them. One for all connections: each
 * with a context of its own would read the certificates of all authorities anew, and keep them.
 */
export function createTrust(ca: string | undefined): SecureContext {
  // Given alone, Node would take it for the only one.
  const authorities = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  return createSecureContext({ minVersion: 'TLSv1.2', ...authorities });
}
