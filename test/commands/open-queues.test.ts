import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../src/clock.ts';
import { closeKickQueues, openKickQueues } from '../../src/commands/open-queues.ts';
import { loadConfig } from '../../src/config/config.ts';
import { quietLog } from '../../src/log.ts';
import { newKick, outcomeOf } from '../queue/kick-fixtures.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const APNS =
  '[kick.apns.apps.chat]\ntopic = "com.example.chat"\nteam_id = "ABCDE12345"\nkey_id = "ABCDE12345"\nkey_path = "key.p8"\n';
const FCM = '[kick.fcm]\nservice_account_path = "account.json"\n';
const UDP = '[kick.udp]\nnetworks = ["127.0.0.0/8"]\n';
const SQS = '[queue]\ndriver = "sqs"\n';

function load(text: string, folder: string) {
  return loadConfig({ text, path: join(folder, 'config.toml'), env: {} });
}

function configOf(text: string, folder: string) {
  const loaded = load(text, folder);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

describe('the kick queues of a config', () => {
  it('are none when no provider is set up', async () => {
    await using folder = await makeTemporaryFolder();
    const config = configOf('', folder.path);
    expect(await openKickQueues(config, quietLog, systemClock)).to.deep.equal({});
  });

  it('are one for each provider, apart from each other', async () => {
    await using folder = await makeTemporaryFolder();
    const config = configOf(`${APNS}${FCM}${UDP}`, folder.path);
    const queues = await openKickQueues(config, quietLog, systemClock);
    expect(Object.keys(queues)).to.have.members(['apns', 'fcm', 'udp']);
    await queues.fcm?.enqueue(newKick());
    const ready = await Promise.all(
      [queues.apns, queues.fcm, queues.udp].map(async (queue) => (await queue?.depth())?.ready),
    );
    expect(ready).to.deep.equal([0, 1, 0]);
    await closeKickQueues(queues);
  });

  it('are none of them open when one cannot be opened', async () => {
    await using folder = await makeTemporaryFolder();
    const config = configOf(`${APNS}${FCM}`, folder.path);
    const path = join(folder.path, 'data', 'queue', 'fcm');
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
    const error = await outcomeOf(openKickQueues(config, quietLog, systemClock));
    expect(String(error)).to.include(path);
  });

  it('are in SQS when the config says so', async () => {
    await using folder = await makeTemporaryFolder();
    const urls = '[queue.sqs]\nudp_queue_url = "http://127.0.0.1:9/queue"\n';
    const config = configOf(`${UDP}${SQS}${urls}`, folder.path);
    const queues = await openKickQueues(config, quietLog, systemClock);
    expect(queues.udp?.driver).to.equal('sqs');
    await closeKickQueues(queues);
  });

  const providers = { apns: APNS, fcm: FCM, udp: UDP };
  for (const [provider, text] of Object.entries(providers)) {
    it(`need a URL of SQS for ${provider} when it is set up`, async () => {
      await using folder = await makeTemporaryFolder();
      const loaded = load(`${text}${SQS}`, folder.path);
      const keys = loaded.ok ? [] : loaded.problems.map(({ key }) => key);
      expect(keys).to.deep.equal([`queue.sqs.${provider}_queue_url`]);
      expect(load(SQS, folder.path).ok).to.equal(true);
    });
  }
});
