/**
 * The address that a device connects from, so that one address has no more than `perAddress` sockets: an address has some 28,000
 * ports, and servers limit what one address may open. Undefined where the machine chooses: beyond 127.0.0.0/8.
 */
export function sourceAddress(
  url: string,
  { deviceIndex, perAddress }: { readonly deviceIndex: number; readonly perAddress: number },
): string | undefined {
  if (!/^127(?:\.\d+){3}$/.test(new URL(url).hostname)) return undefined;
  const group = Math.floor(deviceIndex / perAddress);
  return `127.0.${1 + Math.floor(group / 250)}.${1 + (group % 250)}`;
}
