import { type AdminListener, listenForAdmin } from '../admin/admin-listener.ts';
import { createRolesAdmin, type RolesAdminDeps, type RoleVoice } from '../admin/roles.ts';
import type { Config } from '../config/config.ts';
import type { RoleName, RunningRole } from './role.ts';
import { VERSION } from './status-report.ts';
import { origin } from './urls.ts';

/** The operators' listener, and where it is. */
export interface AdminServer extends Pick<AdminListener, 'close'> {
  readonly url: string;
}

/** Opens the operators' listener for these roles. @throws Error when the address is taken. */
export async function openAdminServer(
  { admin }: Pick<Config, 'admin'>,
  roles: Omit<RolesAdminDeps, 'version'>,
): Promise<AdminServer> {
  const listener = await listenForAdmin(admin, createRolesAdmin({ ...roles, version: VERSION }));
  return {
    url: `${origin('http', admin.host, listener.port)}/`,
    close: () => listener.close(),
  };
}

/** A role that runs in this process. */
export function voiceOf(name: RoleName, role: RunningRole): RoleVoice {
  return {
    name,
    health: async () => role.health(),
    status: async () => role.status(),
    metrics: () => role.metrics(),
  };
}
