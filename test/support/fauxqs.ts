import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { assert } from '../../src/assert.ts';

const FAUXQS_PROCESS = fileURLToPath(new URL('./fauxqs-process.js', import.meta.url));

/** A local server that speaks the protocol of SQS. */
export interface Fauxqs {
  /** A queue nobody else uses, and its queue of dead letters, to which a redrive policy leads. */
  createQueues(): Promise<{ readonly queueUrl: string; readonly deadQueueUrl: string }>;
  /** A queue without a redrive policy. */
  createQueue(): Promise<string>;
  /** What a process needs in its environment to find the server by the SDK's own conventions. */
  readonly env: Readonly<Record<string, string>>;
  readonly client: SQSClient;
  stop(): Promise<void>;
}

/** Runs it in a process of its own, and leads this process's SDK there until it is stopped. */
export async function startFauxqs(): Promise<Fauxqs> {
  const child = fork(FAUXQS_PROCESS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [address] = await once(child, 'message');
  assert(typeof address === 'string', 'it tells its address');
  const env = {
    AWS_ENDPOINT_URL_SQS: address,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  const before = { ...process.env };
  Object.assign(process.env, env);
  const client = new SQSClient({ useQueueUrlAsEndpoint: false });
  let made = 0;
  const create = async (attributes: Record<string, string>): Promise<string> => {
    made += 1;
    const command = new CreateQueueCommand({ QueueName: `queue-${made}`, Attributes: attributes });
    const { QueueUrl } = await client.send(command);
    assert(QueueUrl !== undefined, 'a queue has a URL');
    return QueueUrl;
  };
  return {
    env,
    client,
    createQueue: () => create({}),
    async createQueues() {
      const deadQueueUrl = await create({});
      const command = new GetQueueAttributesCommand({
        QueueUrl: deadQueueUrl,
        AttributeNames: ['QueueArn'],
      });
      const { Attributes } = await client.send(command);
      const policy = { deadLetterTargetArn: Attributes?.['QueueArn'], maxReceiveCount: 100 };
      return { queueUrl: await create({ RedrivePolicy: JSON.stringify(policy) }), deadQueueUrl };
    },
    async stop() {
      client.destroy();
      for (const name of Object.keys(env)) {
        const value = before[name];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
