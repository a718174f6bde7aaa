import { expect } from 'chai';
import { allocatorFor } from '../../src/commands/heap-tuning.ts';
import type { RoleName } from '../../src/commands/role.ts';
import { environmentFor, ROLE_SECTIONS } from '../../src/commands/supervisor-sections.ts';
import { loadConfig } from '../../src/config/config.ts';
import { configText } from '../../src/config/config-text.ts';
import { configOf } from '../config/load.ts';

const ROLES = ['push', 'kick', 'mail-gate', 'mailwatch'] as const;
const WRITTEN = `
[socket]
port = 8082
tls_certificate_path = "push.pem"
tls_key_path = "push.key"
[admin]
port = 9000
[tokens]
key_path = "the-token.key"
[kick.apns.apps.chat]
topic = "com.example.chat"
team_id = "A1B2C3D4E5"
key_id = "F6G7H8I9J0"
key_path = "AuthKey.p8"
[kick.fcm]
service_account_path = "account.json"
[mailgate]
port = 9001
[mailwatch]
master_key_path = "the-master.key"
`;

describe('what a role is given', () => {
  const textFor = (role: RoleName) => configText(configOf(WRITTEN), ROLE_SECTIONS[role]);

  for (const role of ROLES) {
    it(`is a config that ${role} can read`, () => {
      const loaded = loadConfig({ text: textFor(role), env: {} });
      expect(loaded).to.have.property('ok', true);
    });
  }

  it('keeps the keys of push providers from push, and tells it which there are', () => {
    const text = textFor('push');
    expect(text).not.to.match(/AuthKey|account\.json/);
    expect(text).to.include('[kick.apns.apps.chat]').and.include('the-token.key');
  });

  it('keeps token keys, certificates and listeners from kick', () => {
    const text = textFor('kick');
    expect(text).not.to.match(/the-token|push\.(?:pem|key)|\[(?:tokens|socket|endpoint|admin)\]/);
    expect(text)
      .to.match(/AuthKey\.p8/)
      .and.match(/account\.json/);
  });
});

describe('what the mail roles are given', () => {
  const textFor = (role: RoleName) => configText(configOf(WRITTEN), ROLE_SECTIONS[role]);

  it('keeps every key and every other listener from the gate', () => {
    const text = textFor('mail-gate');
    expect(text).to.include('port = 9001');
    expect(text).not.to.match(/the-master|the-token|AuthKey|account\.json|push\.pem/);
    expect(text.match(/^\[[^\]]+\]$/gm)).to.deep.equal(['[mailgate]', '[log]', '[shutdown]']);
  });

  for (const role of ['mail-gate', 'mailwatch'] as const) {
    it(`lets ${role} see that gate and backend meet in the same place`, () => {
      const meeting = `
        [mailgate]
        rpc_path = "elsewhere.sock"
        [mailwatch]
        enabled = true
        rpc_path = "elsewhere.sock"
      `;
      const text = configText(configOf(meeting), ROLE_SECTIONS[role]);
      expect(loadConfig({ text, env: {} })).to.have.property('ok', true);
    });
  }

  it('keeps what is not for mail from the backend', () => {
    const text = textFor('mailwatch');
    expect(text).to.include('the-master.key');
    expect(text).not.to.match(/the-token|AuthKey|account\.json|push\.pem/);
  });
});

describe('the environment of a role', () => {
  const env = {
    PATH: '/bin',
    HOME: '/root',
    TZ: 'UTC',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    NODE_CHANNEL_FD: '9',
    AWS_ACCESS_KEY_ID: 'id',
    REVEILLE__TOKENS__KEYS: '["secret"]',
    DATABASE_PASSWORD: 'secret',
    EMPTY: undefined,
  };

  for (const role of ROLES) {
    it(`holds for ${role} what any program needs, what its queue needs, and no more`, () => {
      expect(environmentFor(role, env)).to.deep.equal({
        PATH: '/bin',
        HOME: '/root',
        TZ: 'UTC',
        NODE_EXTRA_CA_CERTS: '/ca.pem',
        ...(role === 'push' || role === 'kick' ? { AWS_ACCESS_KEY_ID: 'id' } : {}),
        ...allocatorFor(role),
      });
    });
  }

  it('leaves the operator the last word on memory', () => {
    expect(environmentFor('push', { MALLOC_ARENA_MAX: '4' })).to.include({ MALLOC_ARENA_MAX: '4' });
    const own = { MALLOC_MMAP_THRESHOLD_: '131072' };
    expect(environmentFor('mailwatch', own)).to.include({ ...allocatorFor('mailwatch'), ...own });
  });
});
