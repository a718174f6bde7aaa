import type { KeySchema, NamedTablesSchema, SectionSchema } from '../key-schema.ts';

const SENDS_UPDATE = {
  type: 'boolean',
  default: false,
  description: `
    Whether the wake-up carries channel and version, so that an app can act before it connects. Off,
    it carries nothing that the provider could learn from. What an app server PUT as data is never
    sent.`,
} as const satisfies KeySchema;

const IN_FLIGHT_MAX = {
  type: 'integer',
  minimum: 1,
  maximum: 10_000,
  default: 200,
  description: `
    Wake-ups that may wait for an answer at once. At 50 ms an answer, 200 are 4000 a second.`,
} as const satisfies KeySchema;

const WAITING_MAX = {
  type: 'integer',
  minimum: 0,
  maximum: 100_000,
  default: 1000,
  description: `
    Wake-ups that may wait for a free place on the connection, because the provider allows fewer at
    once than in_flight_max; one more is tried again later.`,
} as const satisfies KeySchema;

const REQUEST_TIMEOUT_MS = {
  type: 'integer',
  minimum: 100,
  maximum: 120_000,
  default: 10_000,
  description: `
    How long one wake-up may take before it counts as unanswered. Providers answer within a second
    when they are well.`,
} as const satisfies KeySchema;

const RATE_PER_SECOND_MAX = {
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
  default: 5000,
  description: `
    Wake-ups a second; more wait in the queue. FCM allows a project 10,000, and other servers of the
    same project may need some of them.`,
} as const satisfies KeySchema;

const CA_PATH = {
  type: 'string',
  format: 'path-or-empty',
  default: '',
  description: `
    PEM file with an additional certificate authority, for a proxy or a test. Empty: those of
    Node.js alone.`,
} as const satisfies KeySchema;

const APNS_APPS = {
  type: 'object',
  propertyNames: { type: 'string', format: 'table-name' },
  maxProperties: 32,
  examples: ['chat'],
  description: `
    The apps on Apple's devices, one table for each; the name is yours, for logs and metrics.
    Without one, no device is woken through APNs.`,
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    required: ['topic', 'team_id', 'key_id', 'key_path'],
    description: `
      One app. Its keys come from developer.apple.com: Certificates, Identifiers & Profiles, Keys. A
      key made there for the Apple Push Notifications service can be downloaded once.`,
    properties: {
      topic: {
        type: 'string',
        format: 'bundle-id',
        examples: ['com.example.chat'],
        description: `
          The app's bundle id. A device that names a topic in its connect data is woken through the
          app that has it; one that names none, through the only app there is or the one whose table
          is named default.`,
      },
      team_id: {
        type: 'string',
        format: 'apple-id',
        examples: ['A1B2C3D4E5'],
        description: "The team's id, shown by Apple under Membership details.",
      },
      key_id: {
        type: 'string',
        format: 'apple-id',
        examples: ['F6G7H8I9J0'],
        description: "The key's id, shown by Apple beside the key and in the name of its file.",
      },
      key_path: {
        type: 'string',
        format: 'path',
        examples: ['secrets/AuthKey_F6G7H8I9J0.p8'],
        description: "The key's file, as downloaded (.p8).",
      },
      host: {
        type: 'string',
        format: 'apns-host',
        default: 'production',
        description: `
          "production" for apps from the App Store and TestFlight, "sandbox" for those that Xcode
          installed; or the origin of a proxy. A device token is good at one of them alone.`,
      },
      push_type: {
        type: 'string',
        enum: ['background', 'alert'],
        default: 'background',
        description: `
          "background" wakes the app unseen; Apple lets only a few an hour through and none to an app
          that its user has ended. "alert" always comes, and shows alert_title and alert_body.`,
      },
      alert_title: {
        type: 'string',
        format: 'text',
        default: '',
        description: 'Title of an alert; "" shows none.',
      },
      alert_body: {
        type: 'string',
        format: 'text',
        default: '',
        description:
          'Text of an alert, the same for every update; needed when push_type is "alert".',
      },
      sends_update: SENDS_UPDATE,
      ttl_secs: {
        type: 'integer',
        minimum: 0,
        maximum: 2_592_000,
        default: 2_592_000,
        description: `
          How long Apple keeps a wake-up for a device that is off; 0 tries once. A device that is
          switched on later than this is not woken until the next update.`,
      },
    },
  },
} as const satisfies NamedTablesSchema;

const APNS = {
  type: 'object',
  additionalProperties: false,
  description: `
    Apple's push service, used when there is an app below.`,
  properties: {
    in_flight_max: IN_FLIGHT_MAX,
    waiting_max: WAITING_MAX,
    request_timeout_ms: REQUEST_TIMEOUT_MS,
    ping_interval_ms: {
      type: 'integer',
      minimum: 100,
      maximum: 120_000,
      default: 5000,
      description: `
        A connection with wake-ups under way on which nothing came for this long is asked for a sign
        of life; one that gives none is given up. Shorter than request_timeout_ms.`,
    },
    rate_per_second_max: RATE_PER_SECOND_MAX,
    ca_path: CA_PATH,
    apps: APNS_APPS,
  },
} as const satisfies SectionSchema;

const FCM = {
  type: 'object',
  additionalProperties: false,
  description: `
    Firebase Cloud Messaging, mostly for Android; used when service_account_path is set.`,
  properties: {
    service_account_path: {
      type: 'string',
      format: 'path-or-empty',
      default: '',
      description: `
        JSON file of a service account that may send messages. From console.firebase.google.com:
        Project settings, Service accounts, Generate new private key.`,
    },
    send_url: {
      type: 'string',
      format: 'https-url',
      default: 'https://fcm.googleapis.com',
      description: `
        Where messages are sent, without the path of the API; another one for a proxy. Where access
        tokens come from is in the service account's file.`,
    },
    ttl_secs: {
      type: 'integer',
      minimum: 0,
      maximum: 2_419_200,
      default: 2_419_200,
      description: `
        How long Google keeps a wake-up for a device that is off; 0 tries once. A device that is
        switched on later than this is not woken until the next update.`,
    },
    collapse_key: {
      type: 'string',
      format: 'collapse-key',
      default: 'reveille',
      description: `
        Of several wake-ups with the same key that wait for a device, Google delivers the last one.
        Change it only when the app's other messages use the same.`,
    },
    sends_update: SENDS_UPDATE,
    in_flight_max: IN_FLIGHT_MAX,
    waiting_max: WAITING_MAX,
    request_timeout_ms: REQUEST_TIMEOUT_MS,
    rate_per_second_max: RATE_PER_SECOND_MAX,
    ca_path: CA_PATH,
  },
} as const satisfies SectionSchema;

const UDP = {
  type: 'object',
  additionalProperties: false,
  description: `
    The historic wake-up by one UDP datagram to an address that the device gave; used when networks
    is not empty.`,
  properties: {
    networks: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      uniqueItems: true,
      maxItems: 1000,
      default: [],
      description: `
        Networks of devices to which datagrams may be sent. Any device can give any address: name
        your own, not the internet and not the network of your servers.`,
    },
    sends_update: SENDS_UPDATE,
    in_flight_max: IN_FLIGHT_MAX,
    rate_per_second_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: 'Datagrams a second; more wait in the queue.',
    },
  },
} as const satisfies SectionSchema;

/** [kick] and its tables, one for each provider. */
export const KICK = {
  type: 'object',
  additionalProperties: false,
  description: `
    Waking devices that are not connected, when an update was stored for them and they have said how
    to be woken. It takes a provider below, and a storage.driver that other processes see.`,
  properties: {
    wake_interval_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 10_000,
      description: `
        A device is woken at most once in this time: all updates that are stored meanwhile are waiting
        for it when it connects. Longer spares batteries, shorter helps a device that a wake-up was
        not enough for.`,
    },
    attempts_max: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 15,
      description: `
        How often a wake-up is tried before it is given up and kept for you: see the command "queue".
        Times when nobody tried, because a provider is paused or halted, do not count.`,
    },
    backoff_min_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 1000,
      description: `
        The longest wait before the second attempt; it doubles with each attempt up to backoff_max_ms.
        Each wait is a random part of it, so that failed wake-ups do not come back all at once. Where
        a provider says how long to wait, that is waited.`,
    },
    backoff_max_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 86_400_000,
      default: 600_000,
      description: 'The longest wait between two attempts.',
    },
    breaker_failures_max: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 20,
      description: `
        A provider that fails so often in a row, or does not answer, is left alone for a while; then
        one wake-up tries whether it is back. Meanwhile wake-ups wait in its queue.`,
    },
    breaker_pause_min_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 1000,
      description: `
        How long it is left alone; it doubles, up to breaker_pause_max_ms, each time the wake-up that
        tries fails too.`,
    },
    breaker_pause_max_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 86_400_000,
      default: 60_000,
      description: 'The longest time it is left alone.',
    },
    halt_pause_min_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 30_000,
      description: `
        A provider that refuses the credentials is halted, which /health, the log and a metric tell;
        of several Apple apps, the one whose credentials are refused. After this time one wake-up tries whether they have been mended; it doubles, up to
        halt_pause_max_ms, each time they have not.`,
    },
    halt_pause_max_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 86_400_000,
      default: 1_800_000,
      description: 'The longest time between two such tries.',
    },
    apns: APNS,
    fcm: FCM,
    udp: UDP,
  },
} as const satisfies SectionSchema;
