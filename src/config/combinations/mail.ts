/** What cannot be together of [mailgate] and [mailwatch]. */
import type { KeyName } from '../schema.ts';
import { tomlText } from '../value-text.ts';
import type { Combination } from './combination.ts';

const RPC_FILES = ['rpcCertificatePath', 'rpcKeyPath', 'rpcCaPath'] as const;

/** Of the mail watch. */
export const MAIL_COMBINATIONS: readonly Combination[] = [
  {
    keys: ['mailgate.rpc_path', 'mailwatch.rpc_path', 'mailwatch.enabled'],
    isPossible: ({ mailgate, mailwatch }) =>
      !mailwatch.enabled || mailgate.rpcPath === mailwatch.rpcPath,
    expected: ({ mailwatch }) =>
      `${tomlText(mailwatch.rpcPath)}, mailwatch.rpc_path, where the gate finds the backend`,
    found: ({ mailgate }) => mailgate.rpcPath,
  },
  {
    keys: ['mailgate.rpc_address', 'mailwatch.rpc_address', 'mailwatch.enabled'],
    isPossible: ({ mailgate, mailwatch }) =>
      !mailwatch.enabled || mailgate.rpcAddress === mailwatch.rpcAddress,
    expected: ({ mailwatch }) =>
      `${tomlText(mailwatch.rpcAddress)}, mailwatch.rpc_address, where the gate finds the backend`,
    found: ({ mailgate }) => mailgate.rpcAddress,
  },
  ...(['mailgate', 'mailwatch'] as const).map(rpcFiles),
  atLeast('backoff_max_ms', 'backoff_min_ms'),
  atLeast('backoff_max_ms', 'limited_min_ms'),
  atLeast('auth_give_up_ms', 'auth_retry_ms'),
];

function rpcFiles(section: 'mailgate' | 'mailwatch'): Combination {
  return {
    keys: [
      `${section}.rpc_address`,
      `${section}.rpc_certificate_path`,
      `${section}.rpc_key_path`,
      `${section}.rpc_ca_path`,
    ],
    isPossible: ({ [section]: rpc }) =>
      rpc.rpcAddress === '' || RPC_FILES.every((name) => rpc[name] !== ''),
    expected: () =>
      '"", or also rpc_certificate_path, rpc_key_path and rpc_ca_path: over a network both ends prove who they are',
    found: ({ [section]: { rpcAddress } }) => rpcAddress,
  };
}

const MEMBERS = {
  backoff_max_ms: 'backoffMaxMs',
  backoff_min_ms: 'backoffMinMs',
  limited_min_ms: 'limitedMinMs',
  auth_give_up_ms: 'authGiveUpMs',
  auth_retry_ms: 'authRetryMs',
} as const;

function atLeast(name: keyof typeof MEMBERS, other: keyof typeof MEMBERS): Combination {
  const key = (one: keyof typeof MEMBERS): KeyName => `mailwatch.${one}`;
  return {
    keys: [key(name), key(other)],
    isPossible: ({ mailwatch }) => mailwatch[MEMBERS[name]] >= mailwatch[MEMBERS[other]],
    expected: ({ mailwatch }) => `at least ${tomlText(mailwatch[MEMBERS[other]])}, ${key(other)}`,
    found: ({ mailwatch }) => mailwatch[MEMBERS[name]],
  };
}
