/** Many watched mailboxes, each with a channel of its own. */
import { randomUUID } from 'node:crypto';
import type { Mailbox } from '../../src/client/mail.ts';
import type { RawDevice, RawMessage } from '../support/raw-device.ts';
import { type MailWorld, registerAt } from './mail-world.ts';

/** Registrations that are under way at once. */
const AT_ONCE = 8;
/** Below what a device may have by default. */
const CHANNELS_PER_DEVICE = 100;

export interface WatchedMailbox {
  readonly user: string;
  readonly channelID: string;
  readonly endpoint: string;
  token: string;
  /** How many versions have come, and the latest. */
  versions: number;
  version: number;
}

export interface MailCrowd {
  readonly mailboxes: readonly WatchedMailbox[];
  /** Called with each version as it comes. */
  onVersion: (mailbox: WatchedMailbox) => void;
  leave(): void;
}

/** Connects as many devices as it takes, registers a channel for each user, and has the mailbox of each watched. */
export async function openMailCrowd(
  world: Pick<MailWorld, 'server' | 'watch' | 'mailboxOf'>,
  users: readonly string[],
  more: (user: string) => Partial<Mailbox> = () => ({}),
): Promise<MailCrowd> {
  const mailboxes: WatchedMailbox[] = [];
  const byChannel = new Map<string, WatchedMailbox>();
  const devices: RawDevice[] = [];
  const crowd: MailCrowd = {
    mailboxes,
    onVersion: () => {},
    leave: () => {
      for (const device of devices) device.terminate();
    },
  };
  const onVersion = (channelID: string, version: number) => {
    const mailbox = byChannel.get(channelID);
    if (mailbox === undefined || mailbox.version >= version) return;
    mailbox.version = version;
    mailbox.versions++;
    crowd.onVersion(mailbox);
  };
  for (let from = 0; from < users.length; from += CHANNELS_PER_DEVICE) {
    const device = await world.server.connect({ waitMsMax: 60_000 });
    devices.push(device);
    await device.hello();
    for (const user of users.slice(from, from + CHANNELS_PER_DEVICE)) {
      const mailbox = await openChannel(device, user);
      mailboxes.push(mailbox);
      byChannel.set(mailbox.channelID, mailbox);
    }
    listen(device, onVersion);
  }
  const waiting = mailboxes.values();
  const registerSome = async () => {
    for (const mailbox of waiting) {
      const { user, endpoint } = mailbox;
      const asked = { ...world.mailboxOf(user, endpoint), ...more(user) };
      mailbox.token = await registerAt(world.watch, asked);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, registerSome));
  return crowd;
}

/** Acknowledges what comes. */
function listen(device: RawDevice, onVersion: (channelID: string, version: number) => void): void {
  device.socket.on('message', (bytes) => {
    const { messageType, updates = [] } = JSON.parse(bytes.toString()) as RawMessage;
    if (messageType !== 'notification') return;
    device.send({ messageType: 'ack', updates });
    // What has been looked at here is read.
    device.takeUnread();
    for (const { channelID, version } of updates) onVersion(channelID, version);
  });
}

async function openChannel(device: RawDevice, user: string): Promise<WatchedMailbox> {
  const channelID = randomUUID();
  const { pushEndpoint: endpoint } = await device.register(channelID);
  if (endpoint === undefined) throw new Error('the channel was not registered');
  return { user, channelID, endpoint, token: '', versions: 0, version: 0 };
}

/** How many watches the server has in the state, by its own count. */
export async function watchesIn(world: Pick<MailWorld, 'server'>, state: string): Promise<number> {
  const page = await fetch(new URL('/metrics', world.server.urls.admin));
  const text = await page.text();
  const line = text.split('\n').find((one) => isCount(one, state));
  return Number(line?.split(' ').at(-1) ?? 0);
}

function isCount(line: string, state: string): boolean {
  return line.startsWith('reveille_mail_watches{') && line.includes(`state="${state}"`);
}

/** The users of each login that Dovecot's log has after the first `from` characters, with the second in which it was. */
export function loginsIn(log: string, from = 0): readonly { user: string; atMs: number }[] {
  return [...log.slice(from).matchAll(LOGIN)].map(([, at = '', user = '']) => ({
    user,
    // The year is missing, and nobody asks for it: only differences count.
    atMs: Date.parse(`${at} 2000 UTC`),
  }));
}

const LOGIN = /^(\w+ +[0-9]+ [0-9:]+) imap-login: Info: Login: user=<([^>]+)>/gm;
