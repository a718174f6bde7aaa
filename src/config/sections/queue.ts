import type { SectionSchema } from '../key-schema.ts';

/** A queue's URL and, when SQS is not to be asked for it, that of its dead letters. */
function sqsQueueKeys<Provider extends string>(provider: Provider, name: string) {
  return {
    queue: {
      type: 'string',
      format: 'http-url-or-empty',
      default: '',
      description: `
        The queue of kicks through ${name}: a standard queue, needed when driver is "sqs" and ${name} is set up. Give it a
        redrive policy with a maxReceiveCount above kick.attempts_max, since SQS counts every look.`,
    },
    dead: {
      type: 'string',
      format: 'http-url-or-empty',
      default: '',
      description: `Where kicks through ${name} go that are given up. "" takes the target of ${provider}_queue_url's redrive policy.`,
    },
  } as const;
}

const APNS = sqsQueueKeys('apns', 'APNs');
const FCM = sqsQueueKeys('fcm', 'FCM');
const UDP = sqsQueueKeys('udp', 'UDP');

/** [queue] and its tables, one for each driver. */
export const QUEUE = {
  type: 'object',
  additionalProperties: false,
  description: `
    What waits between an update that was stored and the wake-up of its device. There is one queue for each provider of [kick] that is
    set up; without one nothing is queued.`,
  properties: {
    driver: {
      type: 'string',
      enum: ['spool', 'sqs'],
      default: 'spool',
      description: `
        "spool" is a folder that the processes of this machine share, and needs nothing else; "sqs" is Amazon SQS, for several
        machines.`,
    },
    lease_ms: {
      type: 'integer',
      minimum: 1000,
      maximum: 3_600_000,
      default: 60_000,
      description: `
        How long a process may work on a kick before another one takes it for dead and does it again. Longer than
        any call of a provider takes. SQS counts whole seconds.`,
    },
    timeout_ms: {
      type: 'integer',
      minimum: 100,
      maximum: 60_000,
      default: 5000,
      description: `
        How long the disk or one call of SQS may take before it has failed; the PUT that needed it is answered 503, and its
        update stays stored.`,
    },
    enqueues_in_hand_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: `
        Kicks that may wait at once to be written, for each provider and process; the PUT of one more is answered 503. The default
        is about a second of a quick disk.`,
    },
    spool: {
      type: 'object',
      additionalProperties: false,
      description: 'The queues in a folder of this machine.',
      properties: {
        path: {
          type: 'string',
          format: 'path',
          default: 'data/queue',
          description: `
            Folder of the queues, one in it for each provider. Made when missing, for its owner alone; one that belongs to
            somebody else, or that others may write, is refused. On a local disk.`,
        },
        entries_max: {
          type: 'integer',
          minimum: 1,
          maximum: 10_000_000,
          default: 100_000,
          description: `
            Kicks that may wait for each provider; the PUT of one more is answered 503. Many for one device are mostly one entry,
            so this is about devices. Several processes may together pass it by what they queue within rescan_ms.`,
        },
        bytes_max: {
          type: 'integer',
          minimum: 65_536,
          maximum: 1_099_511_627_776,
          default: 134_217_728,
          description: `
            Bytes of names and dead letters for each provider, bounded like entries_max: some 150 bytes for an entry,
            4250 for a dead letter.`,
        },
        dead_max: {
          type: 'integer',
          minimum: 0,
          maximum: 100_000,
          default: 10_000,
          description: `
            Dead letters kept for each provider, for "reveille queue list"; the oldest goes when one more comes, which is logged. 0 keeps none.`,
        },
        rescan_ms: {
          type: 'integer',
          minimum: 10,
          maximum: 60_000,
          default: 1000,
          description: `
            How often the folder is looked at even if no event told of a change: events get lost. Retries and ended
            leases of other processes are noticed that late.`,
        },
      },
    },
    sqs: {
      type: 'object',
      additionalProperties: false,
      description: `
        The queues in Amazon SQS. Region, credentials and endpoint come from where the AWS tools take them: AWS_REGION,
        AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL_SQS, the shared config files, the machine's role.`,
      properties: {
        apns_queue_url: APNS.queue,
        apns_dead_queue_url: APNS.dead,
        fcm_queue_url: FCM.queue,
        fcm_dead_queue_url: FCM.dead,
        udp_queue_url: UDP.queue,
        udp_dead_queue_url: UDP.dead,
      },
    },
  },
} as const satisfies SectionSchema;
