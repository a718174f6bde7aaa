import { Resolver } from 'node:dns/promises';

/**
 * All addresses of a name, by DNS itself and not by the system's resolver: that one works in the few threads that the disk needs too,
 * where slow name servers of strangers would hold up every write. Names in /etc/hosts are therefore not found: an operator writes
 * their addresses, or puts them into DNS.
 */
export async function resolveByDns(host: string, signal: AbortSignal): Promise<readonly string[]> {
  const resolver = new Resolver();
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(host),
      resolver.resolve6(host),
    ]);
    const addresses = [...addressesIn(four), ...addressesIn(six)];
    if (addresses.length === 0) throw new Error('no address', { cause: four });
    return addresses;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

function addressesIn(answer: PromiseSettledResult<string[]>): readonly string[] {
  return answer.status === 'fulfilled' ? answer.value : [];
}
