/** Where gate and backend meet, from the config of either. */
import { readFile } from 'node:fs/promises';
import type { ConfigProblem } from '../config/problem.ts';
import { failureText } from '../config/problem.ts';
import type { RpcAddress, RpcLimits } from '../mailwatch/rpc/address.ts';
import { RefusedConfigError } from './role.ts';

/** The keys that both sections have. */
export interface RpcConfig {
  readonly rpcPath: string;
  readonly rpcAddress: string;
  readonly rpcCertificatePath: string;
  readonly rpcKeyPath: string;
  readonly rpcCaPath: string;
  readonly rpcDeadlineMs: number;
  readonly rpcInFlightMax: number;
  readonly rpcMessageBytesMax: number;
}

/** `section` is where the keys stand, for the operator. @throws RefusedConfigError when a file cannot be read. */
export async function rpcAddressOf(
  config: RpcConfig,
  section: 'mailgate' | 'mailwatch',
): Promise<RpcAddress> {
  if (config.rpcAddress === '') return { kind: 'unix', path: config.rpcPath };
  const [certificate, key, ca] = await Promise.all([
    readPem(`${section}.rpc_certificate_path`, config.rpcCertificatePath),
    readPem(`${section}.rpc_key_path`, config.rpcKeyPath),
    readPem(`${section}.rpc_ca_path`, config.rpcCaPath),
  ]);
  const { hostname, port } = new URL(`tcp://${config.rpcAddress}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { kind: 'tls', host, port: Number(port), serverName: host, tls: { certificate, key, ca } };
}

/** The bounds of either end. */
export function rpcLimitsOf(config: RpcConfig): RpcLimits {
  return {
    deadlineMs: config.rpcDeadlineMs,
    inFlightMax: config.rpcInFlightMax,
    messageBytesMax: config.rpcMessageBytesMax,
  };
}

async function readPem(key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const problem: ConfigProblem = {
      key,
      expected: 'a PEM file that can be read, since rpc_address is set',
      found: path === '' ? '""' : failureText(error),
    };
    throw new RefusedConfigError([problem]);
  }
}
