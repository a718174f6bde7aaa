import { expect } from 'chai';
import type { MailFailure, WatchState } from '../../src/mailwatch/account.ts';
import { RESPONSES_MAX } from '../../src/mailwatch/imap.ts';
import { type BadCertificates, makeBadCertificates } from '../support/bad-certificates.ts';
import {
  FakeImap,
  type FakeImapOptions,
  type Fault,
  type Point,
  repeats,
  says,
  saysGoodbye,
  silence,
} from '../support/fake-imap.ts';
import { type KickCertificates, makeKickCertificates } from '../support/kick-certificates.ts';
import { type LiveOptions, LiveWatch, until } from './live-watch.ts';

/** What a server may cost us whatever it does; the bounds on its answers are a fraction, and garbage that waits for its collection the rest. */
const BYTES_MAX = 64 * 1024 * 1024;
const SILENT: MailFailure = { kind: 'network', detail: 'the server does not answer' };
const TOO_LONG = 'x'.repeat(10_000);

describe('a mail server that misbehaves', function () {
  this.timeout(30_000);

  let certificates: KickCertificates;
  let bad: BadCertificates;
  let fake: FakeImap;
  let live: LiveWatch | undefined;

  before(async () => {
    [certificates, bad] = await Promise.all([makeKickCertificates(), makeBadCertificates()]);
  });

  const open = async (
    options: Partial<LiveOptions> = {},
    server: Partial<FakeImapOptions> = {},
  ): Promise<LiveWatch> => {
    fake = await FakeImap.open({ ...certificates, ...server });
    fake.passwords.set('ada', 'correct horse');
    live = new LiveWatch({
      server: { host: 'localhost', port: fake.port, security: fake.security },
      address: fake.host,
      ca: certificates.ca,
      ...options,
    });
    return live;
  };
  const fails = async (watch: LiveWatch, kind: WatchState['kind'] = 'backoff') => {
    await until(`the state ${kind}`, () => watch.kind === kind);
    return watch.failure;
  };

  afterEach(async () => {
    await live?.dispose();
    live = undefined;
    await fake[Symbol.asyncDispose]();
  });

  describe('that floods us', () => {
    const floods: readonly [string, Point, Fault][] = [
      ['an endless greeting', 'greeting', repeats(TOO_LONG)],
      ['a huge literal in the greeting', 'greeting', says('* OK {999999999}', TOO_LONG)],
      ['an endless literal', 'greeting', says(`* OK {70000}\r\n${'y'.repeat(70_000)}`)],
      ['capabilities without end', 'CAPABILITY', repeats(`* CAPABILITY ${'A '.repeat(100)}\r\n`)],
      ['lines of another answer', 'CAPABILITY', repeats('* OK still there\r\n')],
      ['answers that nobody asked for', 'CAPABILITY', repeats('X99 OK done\r\n')],
      ['a million folders', 'LIST', repeats('* LIST () "/" "folder"\r\n', 1_000_000)],
      ['a million EXISTS', 'EXAMINE', repeats('* 5 EXISTS\r\n', 1_000_000)],
      [
        'a million EXISTS in IDLE',
        'IDLE',
        (session) => {
          session.say('+ idling');
          void session.flood('* 5 EXISTS\r\n* 6 EXISTS\r\n', 500_000);
        },
      ],
      ['a million EXISTS for a goodbye to IDLE', 'DONE', repeats('* 5 EXISTS\r\n', 1_000_000)],
      ['mails that nobody wants', 'IDLE', repeats(`* 1 FETCH (FLAGS (\\Seen))\r\n`)],
      ['deep nesting', 'EXAMINE', says(`* OK ${'('.repeat(10_000)}`, '<tag> OK')],
      ['many words', 'EXAMINE', says(`* FLAGS (${'a '.repeat(20_000)})`, '<tag> OK')],
      ['a line without end in IDLE', 'IDLE', repeats('z'.repeat(1_000))],
      ['zeros', 'EXAMINE', repeats('\0'.repeat(1_000))],
      ['empty lines', 'EXAMINE', repeats('\r\n'.repeat(1_000))],
    ];
    for (const [what, point, fault] of floods) {
      it(`costs bounded memory, and ends in back-off: ${what}`, async () => {
        // The least that an operator may set for all but one, since the time that a flood takes grows with the bound.
        const responseBytesMax = what === 'a million EXISTS' ? 65_536 : 4_096;
        const imap = { responseBytesMax };
        const watch = await open({ rules: { idleMs: 1_000 }, imap });
        fake.faults.set(point, fault);
        const before = process.memoryUsage.rss();
        let peak = before;
        watch.start();
        await until('back-off', () => {
          peak = Math.max(peak, process.memoryUsage.rss());
          return watch.hasBackedOff;
        });
        expect(watch.failure?.kind).to.be.oneOf(['protocol', 'network']);
        expect(peak - before).to.be.lessThan(BYTES_MAX);
        expect(watch.versions).to.deep.equal([]);
      });
    }

    it('is left when it says more than so many longest lines to one question, and not before', async () => {
      const responseBytesMax = 4_096;
      const watch = await open({ imap: { responseBytesMax } });
      const line = `* OK ${'x'.repeat(1_017)}\r\n`;
      const lines = (RESPONSES_MAX * responseBytesMax) / line.length;
      expect(line).to.have.length(1_024);
      fake.faults.set('NAMESPACE', (session, tag) => {
        session.write(line.repeat(lines - 1));
        session.say(`${tag} OK`);
      });
      watch.start();
      await watch.watching();
      await watch.dispose();
      await fake[Symbol.asyncDispose]();
      const other = await open({ imap: { responseBytesMax } });
      fake.faults.set('EXAMINE', (session, tag) => {
        session.write(line.repeat(lines));
        session.say(`${tag} OK`);
      });
      other.start();
      expect(await fails(other)).to.deep.equal({
        kind: 'protocol',
        detail: 'the server says too much',
      });
    });
  });

  describe('that is silent', () => {
    const points: readonly Point[] = ['greeting', 'CAPABILITY', 'AUTHENTICATE', 'ID', 'NAMESPACE'];
    const later: readonly Point[] = ['LIST', 'EXAMINE', 'STATUS', 'IDLE', 'DONE', 'NOOP'];
    for (const point of [...points, ...later]) {
      it(`at ${point} is left in time`, async () => {
        const folders = [{ name: 'INBOX' }, { name: 'INBOX' }];
        const rules = { idleMs: 1, idleGraceMs: 2_000 };
        const watch = await open({ folders, rules, imap: { commandMsMax: 2_000 } });
        fake.faults.set(point, silence);
        watch.start();
        expect(await fails(watch)).to.deep.equal(SILENT);
      });
    }

    it('at LOGOUT holds nobody up', async () => {
      const watch = (await open()).start();
      await watch.watching();
      fake.faults.set('LOGOUT', silence);
      await watch.dispose();
      expect(fake.commands.at(-1)).to.equal('LOGOUT');
      await until('the end', () => fake.sessions.size === 0);
    });

    it('or sends a byte now and then, is left in time', async () => {
      const watch = await open({ imap: { commandMsMax: 2_000 } });
      fake.faults.set('greeting', (session) => {
        const timer = setInterval(() => session.write('*'), 10);
        session.onEnd(() => clearInterval(timer));
      });
      watch.start();
      expect(await fails(watch)).to.deep.equal(SILENT);
    });
  });

  describe('that says goodbye or nonsense', () => {
    const points: readonly Point[] = [
      ...(['greeting', 'CAPABILITY', 'AUTHENTICATE', 'ID', 'NAMESPACE', 'LIST'] as const),
      ...(['EXAMINE', 'STATUS', 'IDLE', 'DONE', 'NOOP'] as const),
    ];
    for (const point of points) {
      for (const [what, fault] of [
        ['goodbye', saysGoodbye('* BYE see you')],
        ['half a line, and ends', saysGoodbye('* 5 EXI')],
      ] as const) {
        it(`${what} at ${point} ends in back-off, and the watch comes back`, async () => {
          const folders = [{ name: 'INBOX' }, { name: 'INBOX' }];
          const watch = await open({ folders, rules: { idleMs: 1 } });
          fake.faults.set(point, fault);
          watch.start();
          expect((await fails(watch))?.kind).to.equal('network');
          fake.faults.clear();
          await until('the watch', () => watch.kind === 'watching');
        });
      }
    }

    for (const [what, point, fault, kind] of [
      ['another protocol', 'greeting', saysGoodbye('HTTP/1.1 400 Bad Request'), 'network'],
      ['bytes', 'greeting', saysGoodbye('\x00\xff\xfe{{{((('), 'network'],
      ['BAD to EXAMINE', 'EXAMINE', says('<tag> BAD what?'), 'protocol'],
      ['a folder without numbers', 'EXAMINE', says('* 5 EXISTS', '<tag> OK'), 'protocol'],
      ['numbers that are none', 'EXAMINE', says('* OK [UIDNEXT x]', '<tag> OK'), 'protocol'],
      ['no to EXAMINE', 'EXAMINE', says('<tag> NO [NOPERM] no'), 'folder'],
      ['no to STATUS', 'STATUS', says('<tag> NO [NOPERM] no'), 'folder'],
    ] as const) {
      it(`${what} ends in back-off`, async () => {
        const folders = [{ name: 'INBOX' }, { name: 'INBOX' }];
        const watch = await open({ folders });
        fake.faults.set(point, fault);
        watch.start();
        expect((await fails(watch))?.kind).to.equal(kind);
      });
    }

    it('no to IDLE is polled instead', async () => {
      const watch = await open({ rules: { pollMs: 1_000 } });
      fake.faults.set('IDLE', says('<tag> NO not today'));
      watch.start();
      await until('polling', () => watch.kind === 'polling');
      fake.arrive();
      await watch.versionCount(1);
      expect([watch.kind, fake.accepted]).to.deep.equal(['polling', 1]);
    });

    it('the end of each IDLE at once costs one look a second', async () => {
      const watch = await open();
      fake.faults.set('IDLE', says('+ idling', '<tag> OK over'));
      const begunMs = watch.clock.monotonicMs();
      watch.start();
      const looks = () => fake.commands.filter((line) => line.startsWith('EXAMINE')).length;
      await until('some looks', () => looks() >= 10);
      expect(watch.clock.monotonicMs() - begunMs).to.be.at.least(9_000);
      expect(fake.accepted).to.equal(1);
    });
  });

  describe('that refuses the login', () => {
    const answers: readonly [string, WatchState['kind'], MailFailure][] = [
      ...(['AUTHENTICATIONFAILED', 'AUTHORIZATIONFAILED', 'EXPIRED'] as const).map(
        (code): [string, WatchState['kind'], MailFailure] => [
          `NO [${code}] no`,
          'auth-failed',
          { kind: 'auth', detail: code },
        ],
      ),
      ['NO Invalid credentials', 'auth-failed', { kind: 'auth', detail: 'refused' }],
      ...(['LIMIT', 'INUSE', 'UNAVAILABLE'] as const).map(
        (code): [string, WatchState['kind'], MailFailure] => [
          `NO [${code}] no`,
          'limited',
          { kind: 'limited', detail: code },
        ],
      ),
      [
        'NO Too many simultaneous connections',
        'limited',
        { kind: 'limited', detail: 'too many connections' },
      ],
      [
        'NO [AUTHENTICATIONFAILED] Maximum number of connections exceeded',
        'limited',
        { kind: 'limited', detail: 'AUTHENTICATIONFAILED' },
      ],
    ];
    for (const [answer, kind, failure] of answers) {
      it(`by ${answer} is ${kind}`, async () => {
        const watch = await open();
        fake.loginAnswer = answer;
        watch.start();
        expect(await fails(watch, kind)).to.deep.equal(failure);
      });
    }

    for (const point of ['greeting', 'AUTHENTICATE', 'IDLE'] as const) {
      it(`by a goodbye for too many connections at ${point} is limited`, async () => {
        const watch = await open();
        fake.faults.set(point, saysGoodbye('* BYE Too many connections from your address'));
        watch.start();
        expect((await fails(watch, 'limited'))?.kind).to.equal('limited');
      });
    }

    it('for want of a way to take a token needs the user', async () => {
      const watch = await open();
      const token = { refreshToken: 'r', clientId: 'c', tokenEndpoint: 'https://id.example/' };
      const credentials = { kind: 'oauth', username: 'ada', accessToken: 'a', ...token } as const;
      watch.credentials = async () => ({ ok: true, value: credentials });
      watch.start();
      expect(await fails(watch, 'needs-oauth')).to.deep.equal({
        kind: 'oauth',
        detail: 'the server takes no such credentials',
      });
    });

    it('never hears the password in the clear', async () => {
      for (const [point, fault] of [
        ['CAPABILITY', says('* CAPABILITY IMAP4rev1 AUTH=PLAIN', '<tag> OK')],
        ['STARTTLS', says('<tag> NO not today')],
        ['greeting', says('* PREAUTH welcome')],
        ['STARTTLS', says('<tag> OK', '* CAPABILITY IMAP4rev1 AUTH=PLAIN')],
      ] as const) {
        const watch = await open({}, { security: 'starttls' });
        fake.faults.set(point, fault);
        watch.start();
        expect((await fails(watch))?.kind).to.equal('tls');
        const said = fake.commands.map((line) => line.split(' ')[0]);
        expect(said).not.to.include.members(['AUTHENTICATE']).and.not.to.include('LOGIN');
        await watch.dispose();
        await fake[Symbol.asyncDispose]();
      }
    });
  });

  describe('whose certificate is not good', () => {
    for (const security of ['tls', 'starttls'] as const) {
      const cases: readonly [string, () => Partial<LiveOptions>, () => object, string][] = [
        ['expired', () => ({ ca: bad.ca }), () => bad.expired, 'expired'],
        ['self-signed', () => ({}), () => bad.selfSigned, 'self-signed'],
        ['of an unknown authority', () => ({ ca: bad.ca }), () => ({}), 'untrusted'],
        [
          'of another name',
          () => ({ server: { host: 'mail.example', port: fake.port, security } }),
          () => ({}),
          'wrong-name',
        ],
      ];
      for (const [what, options, server, detail] of cases) {
        it(`is left with ${security} when it is ${what}, and hears no password`, async () => {
          await open({}, { security, ...server() });
          await live?.dispose();
          live = new LiveWatch({
            server: { host: 'localhost', port: fake.port, security },
            address: fake.host,
            ca: certificates.ca,
            ...options(),
          });
          live.start();
          expect(await fails(live)).to.deep.equal({ kind: 'tls', detail });
          expect(fake.commands.join(' ')).not.to.match(/AUTHENTICATE|LOGIN/);
        });
      }

      it(`is held to its address with ${security} when it has no name`, async () => {
        const warnings: Error[] = [];
        const onWarning = (warning: Error) => warnings.push(warning);
        process.on('warning', onWarning);
        await open({}, { security });
        await live?.dispose();
        const server = { host: '127.0.0.1', port: fake.port, security };
        live = new LiveWatch({ server, address: fake.host, ca: certificates.ca }).start();
        await live.watching();
        process.off('warning', onWarning);
        expect(warnings).to.deep.equal([]);
      });
    }
  });
});
