import type { SectionSchema } from '../key-schema.ts';
import { TLS_KEYS } from './tls.ts';

/** [socket] */
export const SOCKET = {
  type: 'object',
  additionalProperties: false,
  description: 'The listener for devices: one WebSocket each.',
  properties: {
    host: {
      type: 'string',
      format: 'host',
      default: '127.0.0.1',
      description: `
        Address to listen on. The default is reached from this machine alone, so that nothing is open
        to the world by accident; 0.0.0.0 or :: listens everywhere.`,
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 8080,
      description: 'Port to listen on; 0 takes a free one, which the ready line tells.',
    },
    path: {
      type: 'string',
      format: 'url-path',
      default: '/',
      description: 'Path at which devices connect; any other answers 404.',
    },
    public_url: {
      type: 'string',
      format: 'ws-url-or-empty',
      default: '',
      description: `
        The URL by which devices reach this node, for the ready line and for other nodes that send
        devices here. Set it when a proxy or a name stands before host and port; empty, it is made
        from them.`,
    },
    transport: {
      type: 'string',
      enum: ['auto', 'uws', 'ws'],
      default: 'auto',
      description: `
        What carries the WebSockets: "uws" (uWebSockets.js) needs a quarter of the memory per idle
        device, "ws" (the package of that name) runs wherever Node.js does. "auto" takes uws where
        its binary loads and TLS 1.2 is allowed, else ws; "uws" refuses to start without it.`,
    },
    origins: {
      type: 'array',
      items: { type: 'string', format: 'origin' },
      uniqueItems: true,
      maxItems: 1000,
      default: [],
      description: `
        Web origins whose pages may connect; others are answered 403. Empty allows all: a page gains
        nothing here that any program could not have. Requests without an Origin header, which is
        what devices send, are always allowed.`,
    },
    ...TLS_KEYS,
    long_pongs: {
      type: 'boolean',
      default: false,
      description: `
        Answers a ping with {"messageType":"ping","status":200} instead of {}. For clients that
        insist on it; the short form saves mobile bytes.`,
    },
    hello_timeout_ms: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600_000,
      default: 30_000,
      description: `
        How long a new socket may go without a hello before it is closed. The default leaves a phone
        on a bad network time for its first message.`,
    },
    ping_interval_min_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 3_600_000,
      default: 20_000,
      description: `
        A device that pings again sooner than this is closed; 0 allows any rate. Healthy clients ping
        once in minutes; quicker ones drain batteries and this server.`,
    },
    idle_timeout_secs: {
      type: 'integer',
      minimum: 8,
      maximum: 960,
      default: 300,
      description: `
        A device from which nothing came for this long is gone; it is asked with a WebSocket ping
        before. Shorter finds dead peers sooner, longer wakes radios less often. The bounds are those
        of uWebSockets.js.`,
    },
    resend_interval_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 60_000,
      description: `
        Updates that a connected device did not acknowledge are sent again after this; 0 waits for
        its next hello.`,
    },
    udp_sleep_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 10_000,
      description: `
        A device that gave a UDP address is told to sleep (close code 4774) when nothing was said for
        this long and nothing waits for it; 0 never does. Without kick.udp.networks nobody would wake
        it, and nobody is told to sleep.`,
    },
    message_bytes_max: {
      type: 'integer',
      minimum: 1024,
      maximum: 16_777_216,
      default: 131_072,
      description: `
        Largest message of a device; a larger one closes with 1009. A hello that lists 200 channels
        takes 8 KiB, the default leaves room for 3000.`,
    },
    send_buffer_bytes_max: {
      type: 'integer',
      minimum: 2048,
      maximum: 67_108_864,
      default: 262_144,
      description: `
        Bytes that may wait for a device which reads slowly; one more message and it is closed, its
        updates stay stored. At least twice message_bytes_max, because an error reply echoes the
        request.`,
    },
    inbox_frames_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 256,
      description: `
        Messages of one device that may wait while the store answers an earlier one; one more closes
        with 1008. More than storage.channels_per_device_max: clients acknowledge each of the updates
        that waited for them in a message of its own, all at once.`,
    },
    inbox_characters_max: {
      type: 'integer',
      minimum: 1024,
      maximum: 16_777_216,
      default: 262_144,
      description: `
        The same messages counted by their length, so that what one device may make the server hold
        does not grow with their number; beyond it closes with 1008. At least message_bytes_max.`,
    },
    sockets_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 200_000,
      description: `
        Open sockets of this process; one more is answered 503. Lowered by itself to what the limit
        of file descriptors (ulimit -n) allows.`,
    },
    sockets_before_hello_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 10_000,
      description: `
        Open sockets that have not said hello yet; one more is answered 503, so that silent strangers
        cannot take the places of devices.`,
    },
    sockets_per_address_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 10_000,
      description: `
        Open sockets from one address; one more is answered 429. An IPv6 address counts as its /64.
        Generous, because a mobile operator puts thousands of phones behind one address; raise it to
        sockets_max behind a proxy, where all devices share the proxy's.`,
    },
    connects_per_second_max: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 20_000,
      description: `
        New sockets per second; more are answered 503 and try again. It keeps a storm of
        reconnecting devices from starving those that are connected.`,
    },
    devices_max: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000_000,
      default: 200_000,
      description: `
        Devices connected to this node; a hello beyond it is sent to one of overflow_urls (307), or
        refused with 429 when there are none. 0 sends every device elsewhere.`,
    },
    overflow_urls: {
      type: 'array',
      items: { type: 'string', format: 'ws-url' },
      uniqueItems: true,
      maxItems: 1000,
      default: [],
      description: `
        Other nodes, by the WebSocket URLs under which devices reach them, that take the devices
        beyond devices_max.`,
    },
  },
} as const satisfies SectionSchema;
