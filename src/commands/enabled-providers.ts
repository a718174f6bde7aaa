import type { Config } from '../config/config.ts';
import type { ProviderName } from '../kick/provider.ts';

/**
 * The providers that the config has what it takes for. Push enqueues for these and no others, and the kick role runs when there is one.
 */
export function enabledProviders({ kick }: Pick<Config, 'kick'>): readonly ProviderName[] {
  return [
    ...(Object.keys(kick.apns.apps).length > 0 ? (['apns'] as const) : []),
    ...(kick.fcm.serviceAccountPath !== '' ? (['fcm'] as const) : []),
    ...(kick.udp.networks.length > 0 ? (['udp'] as const) : []),
  ];
}
