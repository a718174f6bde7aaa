import { expect } from 'chai';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { configText, NO_FILE } from '../../src/config/config-text.ts';
import { SCHEMA } from '../../src/config/schema.ts';
import { configOf } from './load.ts';

const WRITTEN = `
[socket]
port = 0
path = "/abc"
overflow_urls = ["wss://one.example/", "wss://two.example/"]
[tokens]
key_path = "keys/token.key"
[storage.embedded]
path = "über all"
[kick.apns]
ca_path = "ca.pem"
[kick.apns.apps.chat]
topic = "com.example.chat"
team_id = "A1B2C3D4E5"
key_id = "F6G7H8I9J0"
key_path = "secrets/AuthKey_F6G7H8I9J0.p8"
alert_title = "back\\\\slash, \\"quotes\\" and 'more'"
[kick.fcm]
service_account_path = "secrets/account.json"
`;

describe('a config as text', () => {
  const config = configOf(WRITTEN);
  const again = (text: string): Config => {
    const loaded = loadConfig({ text, path: '/elsewhere/config.toml', env: {} });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.config;
  };

  it('is the same config when it is read again, wherever that is', () => {
    const all = Object.fromEntries(
      Object.keys(SCHEMA.properties).map((name) => [name, 'whole'] as const),
    );
    expect(again(configText(config, all))).to.deep.equal(config);
  });

  it('holds the sections that it should, and the others at their defaults', () => {
    const text = configText(config, { tokens: 'whole' });
    expect(text).not.to.include('[socket]');
    const { tokens, socket } = again(text);
    expect(tokens).to.deep.equal(config.tokens);
    expect(socket).to.deep.equal(configOf('').socket);
  });

  it('without files still tells what is configured', () => {
    const text = configText(config, { kick: 'without-files' });
    expect(text).not.to.include('secrets').and.not.include('.pem');
    const { apns, fcm } = again(text).kick;
    expect(apns.apps['chat']).to.deep.equal({ ...config.kick.apns.apps['chat'], keyPath: NO_FILE });
    expect(fcm.serviceAccountPath).to.equal(NO_FILE);
  });

  it('without files leaves empty what is not set', () => {
    const { fcm, apns } = again(configText(configOf(''), { kick: 'without-files' })).kick;
    expect([fcm.serviceAccountPath, apns.caPath]).to.deep.equal(['', '']);
  });
});
