/** One number of mailboxes at one mail server: latencies of mails, and memory per watch beside that of bare imapflow. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type MailCrowd, openMailCrowd, watchesIn } from '../../test/e2e/mail-crowd.ts';
import { openMailWorld } from '../../test/e2e/mail-world.ts';
import { DOVECOT_PASSWORD } from '../../test/support/dovecot.ts';
import { FakeImap } from '../../test/support/fake-imap.ts';
import { makeKickCertificates } from '../../test/support/kick-certificates.ts';
import { until } from '../../test/support/mail-until.ts';
import { makeTemporaryFolder } from '../../test/support/temporary-folder.ts';

export interface MailPlan {
  readonly server: 'dovecot' | 'fake';
  readonly mailboxes: number;
  readonly mails: number;
}

/** Latencies run from before the mail is handed over until its frame is read. */
export interface MailFigures extends MailPlan {
  /** Mails of which nothing came in time. */
  readonly missing: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Resident memory of the backend, grown since before the first registration, in kB (1000 bytes). */
  readonly kbPerWatch?: number;
  /** The same of a process that holds as many connections of imapflow in IDLE, and does nothing else. */
  readonly bareKbPerConnection?: number;
}

/** Below this the growth of the process is not that of its watches. */
const MEMORY_MAILBOXES_MIN = 100;
/** A mailbox has its next mail after this at the earliest: then the watch is back in IDLE. */
const MAILBOX_INTERVAL_MS = 3000;
const MAILS_PER_SEC_MAX = 20;
/** With one mailbox each mail takes MAILBOX_INTERVAL_MS. */
const SINGLE_MAILS_MAX = 20;
const WAIT_MS_MAX = 300_000;
const LATE_MS_MAX = 30_000;
/** Until memory is read: what the logins needed is let go by then. */
const SETTLE_MS = 10_000;
const BARE_PATH = fileURLToPath(new URL('bare-connections.js', import.meta.url));

/** `tell` hears how far it is. Everything that it starts is gone when it resolves. */
export async function measureMail(
  plan: MailPlan,
  tell: (line: string) => void,
): Promise<MailFigures> {
  await using folder = await makeTemporaryFolder();
  const certificates = await makeKickCertificates();
  const caPath = join(folder.path, 'ca.pem');
  await writeFile(caPath, certificates.ca);
  await using fake = await FakeImap.open(certificates);
  const users = Array.from({ length: plan.mailboxes }, (_, number) => `user-${number}`);
  for (const user of users) {
    fake.passwords.set(user, DOVECOT_PASSWORD);
    fake.folders.set(user, { uidValidity: 1, uidNext: 1, exists: 0 });
  }
  const isFake = plan.server === 'fake';
  await using world = await openMailWorld({
    users: isFake ? [] : users,
    settings: {
      'mailwatch.logins_per_second_max': 1000,
      'mailwatch.logins_per_host_per_second_max': 1000,
      'mailwatch.poll_ms': 60_000,
      ...(isFake
        ? { 'mailwatch.ca_path': caPath, 'mailwatch.allowed_ports': [String(fake.port)] }
        : {}),
    },
  });
  const pid = await world.server.mailPid('mailwatch');
  const kbBefore = await residentKb(pid);
  tell('registering');
  const crowd = await openMailCrowd(world, users, (user) =>
    isFake ? { port: fake.port, folders: [{ name: user }] } : {},
  );
  await until(
    'all watches',
    async () => (await watchesIn(world, 'watching')) === users.length,
    WAIT_MS_MAX,
  );
  const memory =
    users.length < MEMORY_MAILBOXES_MIN
      ? {}
      : { kbPerWatch: await settledKb(pid, kbBefore, users.length) };
  const deliver = async (user: string) => {
    if (isFake) fake.arrive(user);
    else await world.dovecot.deliver(user);
  };
  const latencies = await measureLatencies(plan, crowd, deliver, tell);
  crowd.leave();
  const bare =
    users.length < MEMORY_MAILBOXES_MIN
      ? {}
      : { bareKbPerConnection: await bareKb(plan, isFake ? fake.port : world.dovecot.ports.imaps) };
  const times = latencies.tookMs.toSorted((one, other) => one - other);
  const mails = latencies.sent;
  return {
    ...{ ...plan, mails, missing: mails - times.length },
    ...{ p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), ...memory, ...bare },
  };
}

async function measureLatencies(
  { mailboxes, mails }: MailPlan,
  crowd: MailCrowd,
  deliver: (user: string) => Promise<void>,
  tell: (line: string) => void,
): Promise<{ readonly sent: number; readonly tookMs: readonly number[] }> {
  const intervalMs = Math.max(MAILBOX_INTERVAL_MS / mailboxes, 1000 / MAILS_PER_SEC_MAX);
  const sent = mailboxes === 1 ? Math.min(mails, SINGLE_MAILS_MAX) : mails;
  const begunAtMs = new Map<string, number>();
  const tookMs: number[] = [];
  crowd.onVersion = ({ user }) => {
    const begunMs = begunAtMs.get(user);
    begunAtMs.delete(user);
    if (begunMs !== undefined) tookMs.push(performance.now() - begunMs);
  };
  const startMs = performance.now();
  for (let number = 0; number < sent; number++) {
    // By plan and not by the last answer: a mail that is late delays no other.
    await pauseUntil(startMs + number * intervalMs);
    const { user = '' } = crowd.mailboxes[number % mailboxes] ?? {};
    begunAtMs.set(user, performance.now());
    void deliver(user);
    tell(`${number + 1} of ${sent} mails`);
  }
  const deadlineMs = performance.now() + LATE_MS_MAX;
  while (begunAtMs.size > 0 && performance.now() < deadlineMs) {
    await pauseUntil(performance.now() + 50);
  }
  return { sent, tookMs };
}

async function settledKb(pid: number, kbBefore: number, watches: number): Promise<number> {
  await pauseUntil(performance.now() + SETTLE_MS);
  return ((await residentKb(pid)) - kbBefore) / watches;
}

async function bareKb({ mailboxes }: MailPlan, port: number): Promise<number> {
  const args = [BARE_PATH, String(port), String(mailboxes), DOVECOT_PASSWORD, String(SETTLE_MS)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: WAIT_MS_MAX });
  return Number(stdout) / mailboxes;
}

async function residentKb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+([0-9]+) kB/m.exec(status)?.[1]) * 1024) / 1000;
}

/** Undefined of no values is not a number, and shown so. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function pauseUntil(atMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())));
}
