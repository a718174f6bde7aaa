import type { Config } from '../config/config.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, ws: 80, wss: 443 };

/** Where devices connect, for the ready line: the public URL, or what the listener itself is. */
export function socketUrl(config: Config, port: number): string {
  const { publicUrl, host, path, tlsCertificatePath } = config.socket;
  if (publicUrl !== '') return publicUrl;
  return `${origin(tlsCertificatePath === '' ? 'ws' : 'wss', host, port)}${path}`;
}

/** What endpoints begin with, without a slash at the end. */
export function endpointBase(config: Config, port: number): string {
  const { publicUrl, host, tlsCertificatePath } = config.endpoint;
  if (publicUrl !== '') return publicUrl.replace(/\/+$/, '');
  return origin(tlsCertificatePath === '' ? 'http' : 'https', host, port);
}

/** `scheme://host:port`, without the port where the scheme implies it. */
export function origin(scheme: string, host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return DEFAULT_PORTS[scheme] === port ? `${scheme}://${name}` : `${scheme}://${name}:${port}`;
}
