import type { SectionSchema } from '../key-schema.ts';

/** [storage] and its tables, one for each driver that has keys of its own. */
export const STORAGE = {
  type: 'object',
  additionalProperties: false,
  description: 'What is remembered of devices, channels and versions, and where.',
  properties: {
    driver: {
      type: 'string',
      enum: ['embedded', 'memory', 'memcached', 'none'],
      default: 'embedded',
      description: `
        "embedded" keeps everything in a folder of this machine and loses nothing it accepted;
        "memcached" shares it between nodes and forgets what its servers forget; "memory" forgets
        everything at exit, for tests; "none" keeps nothing: only connected devices get updates.`,
    },
    channels_per_device_max: {
      type: 'integer',
      minimum: 1,
      maximum: 20_000,
      default: 200,
      description: `
        Channels one device may hold; a register beyond is answered 429, a hello that lists more
        starts the device anew. Devices in the field hold a few dozen.`,
    },
    channel_ttl_days: {
      type: 'integer',
      minimum: 1,
      maximum: 3650,
      default: 90,
      description: `
        How long a device and its channels are kept after it was last seen. Long enough for a phone
        that lies in a drawer over a season.`,
    },
    update_ttl_days: {
      type: 'integer',
      minimum: 1,
      maximum: 3650,
      default: 30,
      description: `
        How long a version waits for its device. At most channel_ttl_days, since it is forgotten
        with its channel.`,
    },
    gone_ttl_days: {
      type: 'integer',
      minimum: 1,
      maximum: 3650,
      default: 30,
      description: `
        How long an unregistered channel is remembered, so that its app server is told 410 and stops
        sending.`,
    },
    embedded: {
      type: 'object',
      additionalProperties: false,
      description: 'The store in a folder of this machine (LMDB).',
      properties: {
        path: {
          type: 'string',
          format: 'path',
          default: 'data/store',
          description: `
            Folder of the store, made when missing. On a local disk: memory-mapped files do not work
            on network file systems.`,
        },
        map_bytes_max: {
          type: 'integer',
          minimum: 16_777_216,
          maximum: 17_592_186_044_416,
          default: 17_179_869_184,
          description: `
            How far the store may grow, in bytes of address space; disk is used as it fills. A store
            that is full answers 503. 16 GiB hold some hundred million channels.`,
        },
        queued_operations_max: {
          type: 'integer',
          minimum: 1,
          maximum: 10_000_000,
          default: 100_000,
          description: `
            Writes that may wait for the disk; one more fails, which a PUT is told as 503. The
            default is about a second of a quick disk.`,
        },
        sweep_interval_ms: {
          type: 'integer',
          minimum: 10,
          maximum: 3_600_000,
          default: 1000,
          description: `
            How often a slice of the records is looked through for outlived ones. Slices are small:
            often is cheap, seldom lets the folder grow.`,
        },
      },
    },
    memcached: {
      type: 'object',
      additionalProperties: false,
      description: 'The store in memcached servers that several nodes share.',
      properties: {
        servers: {
          type: 'array',
          items: { type: 'string', format: 'server-address' },
          uniqueItems: true,
          maxItems: 256,
          default: ['127.0.0.1:11211'],
          description: `
            The servers, as host:port. Every node must list the same ones, in any order; a server
            that is added or taken away moves its share of the records and no others.`,
        },
        timeout_ms: {
          type: 'integer',
          minimum: 10,
          maximum: 60_000,
          default: 1000,
          description: `
            How long one request may take before it has failed; the PUT or hello that needed it is
            told to try again later.`,
        },
        requests_in_flight_max: {
          type: 'integer',
          minimum: 1,
          maximum: 10_000_000,
          default: 10_000,
          description: `
            Requests that may wait for the servers at once; one more fails without waiting, which
            bounds the memory that slow servers cost.`,
        },
      },
    },
    memory: {
      type: 'object',
      additionalProperties: false,
      description: 'The store in the memory of this process.',
      properties: {
        channels_max: {
          type: 'integer',
          minimum: 1,
          maximum: 100_000_000,
          default: 2_000_000,
          description: `
            Channels kept, of all devices together; one more fails, so that a flood of registrations
            ends in refusals rather than in a process without memory.`,
        },
      },
    },
  },
} as const satisfies SectionSchema;
