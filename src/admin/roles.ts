/** What operators are told of all roles together: of the ones under `start`, or of the one that runs by itself. */
import type { AdminDeps, StatusReport } from './admin-listener.ts';
import type { HealthReport } from './health.ts';
import { PAGE_CONTENT_TYPE, type RolePage, renderMerged } from './merged-metrics.ts';

/** One role, as who tells of it knows it. None of these rejects or takes longer than a few seconds. */
export interface RoleVoice {
  readonly name: string;
  health(): Promise<HealthReport>;
  status(): Promise<StatusReport>;
  /** In the library's JSON form; undefined when the role is down or does not answer. */
  metrics(): Promise<readonly object[] | undefined>;
}

export interface RolesAdminDeps {
  readonly roles: readonly RoleVoice[];
  readonly version: StatusReport;
  /** Metrics of who tells, where that is a process apart from the roles. */
  readonly own?: { readonly name: string; metrics(): Promise<readonly object[]> };
}

/** The answers of the admin listener. Each role is asked when an operator asks, all of them at once. */
export function createRolesAdmin({ roles, version, own }: RolesAdminDeps): AdminDeps {
  const health = async (): Promise<HealthReport> => {
    const reports = await Promise.all(roles.map((role) => role.health()));
    const reasons = reports.flatMap((report, index) =>
      report.reasons.map((reason) => `${roles[index]?.name}: ${reason}`),
    );
    return { ready: reports.every(({ ready }) => ready), reasons };
  };
  const status = async (): Promise<StatusReport> => {
    const reports = roles.map(async (role) => [role.name, await role.status()] as const);
    return {
      ...version,
      ...(await health()),
      uptimeSecs: Math.floor(process.uptime()),
      memory: { rssBytes: process.memoryUsage.rss() },
      roles: Object.fromEntries(await Promise.all(reports)),
    };
  };
  const render = async (): Promise<string> => {
    const pages = roles.map(
      async (role): Promise<RolePage> => ({ role: role.name, metrics: await role.metrics() }),
    );
    return renderMerged(
      await Promise.all(pages),
      own && { role: own.name, metrics: await own.metrics() },
    );
  };
  return { health, status, prometheus: { contentType: PAGE_CONTENT_TYPE, render }, version };
}
