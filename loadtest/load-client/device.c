enum device_state { DEVICE_UPGRADING, DEVICE_GREETING, DEVICE_REGISTERING, DEVICE_READY, DEVICE_CLOSED };

struct device {
  struct wire wire;
  enum device_state state;
  bool has_put_under_way;
  char channel_id[37];
  uint64_t opened_at;
  char *put_head; /* the request of every PUT of this channel, up to the length of its body */
  size_t put_head_length;
  struct ledger ledger;
};

static struct place server;
static struct place endpoint; /* of all channels; host empty: not known yet */
static struct device *devices;
static int devices_opened, devices_ready, devices_failed;
static char upgrade_request[1024];

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };
/* Longest frame that is sent: an ack of this many updates. */
enum { ACK_UPDATES_MAX = 64, FRAME_BYTES_MAX = 8192 };

static void send_frame(struct device *device, int opcode, const char *payload, size_t length) {
  static char frame[FRAME_BYTES_MAX + 16];
  const uint32_t key = (uint32_t)chance();
  const uint64_t mask = (uint64_t)key << 32 | key;
  char *to = frame;
  *to++ = (char)(0x80 | opcode);
  if (length < 126) {
    *to++ = (char)(0x80 | length);
  } else {
    *to++ = (char)(0x80 | 126);
    *to++ = (char)(length >> 8);
    *to++ = (char)length;
  }
  to = put_text(to, (const char *)&key, sizeof key);
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    uint64_t eight;
    memcpy(&eight, payload + at, 8);
    eight ^= mask;
    memcpy(to + at, &eight, 8);
  }
  for (; at < length; at++) to[at] = (char)(payload[at] ^ ((const char *)&key)[at % 4]);
  send_bytes(&device->wire, frame, (size_t)(to - frame) + length);
}

static void send_text(struct device *device, const char *text) { send_frame(device, OPCODE_TEXT, text, strlen(text)); }

static ssize_t reject(struct device *device, const char *reason) {
  faults.bad_messages++;
  close_wire(&device->wire, reason);
  return -1;
}

/* All channels' endpoints must stand at one place, to which the putters connect. */
static const char *keep_endpoint(struct device *device, struct text url) {
  struct place place;
  if (!url.at) return "register was answered without a pushEndpoint";
  const char *wrong = read_url("http://", url.at, (size_t)(url.end - url.at), &place);
  if (wrong) return wrong;
  if (!endpoint.host[0]) endpoint = place;
  if (strcmp(endpoint.host, place.host) != 0) return "endpoints stand at several hosts";
  if (options.idle) return NULL;
  char head[1024];
  device->put_head_length = (size_t)snprintf(head, sizeof head,
    "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ",
    place.path, place.host);
  device->put_head = allocate(NULL, device->put_head_length);
  memcpy(device->put_head, head, device->put_head_length);
  return NULL;
}

static void on_device_ready(struct device *device) {
  device->state = DEVICE_READY;
  devices_ready++;
  record(&ready_latency, now - device->opened_at);
}

/* Acknowledges what the notification brought, however many updates it holds. */
static void on_notification(struct device *device, struct text message) {
  static char ack[FRAME_BYTES_MAX];
  char *to = PUT_LITERAL(ack, "{\"messageType\":\"ack\",\"updates\":[");
  struct text cursor = member_of(message, "updates"), update;
  int count = 0;
  while (count < ACK_UPDATES_MAX && (update = next_element(&cursor)).at) {
    struct text channel = string_of(member_of(update, "channelID"));
    uint64_t version = whole_number_of(member_of(update, "version"));
    if (!text_is(channel, device->channel_id)) {
      faults.unknown++;
      continue;
    }
    note_notified(&device->ledger, version);
    if (count++ > 0) *to++ = ',';
    to = PUT_LITERAL(to, "{\"channelID\":\"");
    to = put_text(to, device->channel_id, sizeof device->channel_id - 1);
    to = PUT_LITERAL(to, "\",\"version\":");
    to = put_number(to, version);
    *to++ = '}';
  }
  to = PUT_LITERAL(to, "]}");
  if (count > 0) send_frame(device, OPCODE_TEXT, ack, (size_t)(to - ack));
}

static ssize_t on_message(struct device *device, struct text message) {
  struct text type = string_of(member_of(message, "messageType"));
  const bool is_granted = whole_number_of(member_of(message, "status")) == 200;
  char text[160];
  switch (device->state) {
    case DEVICE_GREETING:
      if (!text_is(type, "hello") || !is_granted) return reject(device, "hello was not answered with 200");
      device->state = DEVICE_REGISTERING;
      snprintf(text, sizeof text, "{\"messageType\":\"register\",\"channelID\":\"%s\"}", device->channel_id);
      send_text(device, text);
      return 0;
    case DEVICE_REGISTERING: {
      if (!text_is(type, "register") || !is_granted) return reject(device, "register was not answered with 200");
      const char *wrong = keep_endpoint(device, string_of(member_of(message, "pushEndpoint")));
      if (wrong) return reject(device, wrong);
      on_device_ready(device);
      return 0;
    }
    case DEVICE_READY:
      if (text_is(type, "notification")) on_notification(device, message);
      /* An object without a type is the answer to a ping, which nobody sent, but it harms nobody. */
      else if (type.at) return reject(device, "a message that nobody asked for");
      return 0;
    default:
      return reject(device, "a message out of turn");
  }
}

/* Takes one frame off the front: the bytes taken, 0 when it is not complete, -1 when refused. */
static ssize_t take_frame(struct device *device, const char *bytes, size_t length) {
  const unsigned char *head = (const unsigned char *)bytes;
  if (length < 2) return 0;
  size_t head_length = 2, payload_length = head[1] & 0x7f;
  if (payload_length == 126) {
    if (length < 4) return 0;
    head_length = 4;
    payload_length = (size_t)head[2] << 8 | head[3];
  } else if (payload_length == 127 || (head[1] & 0x80)) {
    return reject(device, "a masked or oversized frame");
  }
  if (length < head_length + payload_length) return 0;
  const char *payload = bytes + head_length;
  const int opcode = head[0] & 0x0f;
  if (!(head[0] & 0x80)) return reject(device, "a fragmented message");
  if (opcode == OPCODE_TEXT || opcode == OPCODE_BINARY) {
    if (on_message(device, (struct text){payload, payload + payload_length}) < 0) return -1;
  } else if (opcode == OPCODE_PING) {
    send_frame(device, OPCODE_PONG, payload, payload_length);
  } else if (opcode == OPCODE_CLOSE) {
    char reason[64];
    snprintf(reason, sizeof reason, "closed by the server with %d", payload_length < 2 ? 1005 : (unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
    close_wire(&device->wire, reason);
    return -1;
  }
  return (ssize_t)(head_length + payload_length);
}

static ssize_t take_upgrade(struct device *device, const char *bytes, size_t length) {
  static const char HELLO[] = "{\"messageType\":\"hello\",\"uaid\":\"\",\"channelIDs\":[]}";
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return 0;
  if (strncmp(bytes, "HTTP/1.1 101", 12) != 0) {
    char reason[64];
    snprintf(reason, sizeof reason, "upgrade answered with %.20s", bytes);
    return reject(device, reason);
  }
  device->state = DEVICE_GREETING;
  send_text(device, HELLO);
  return end + 4 - bytes;
}

static void open_device(struct device *device) {
  const uint64_t a = chance(), b = chance();
  /* The two fixed digits make it a UUID of version 4 (RFC 9562). */
  snprintf(device->channel_id, sizeof device->channel_id, "%08x-%04x-4%03x-%04x-%012" PRIx64, (uint32_t)(a >> 32),
           (uint32_t)(a >> 16) & 0xffff, (uint32_t)a & 0xfff, ((uint32_t)(b >> 48) & 0x3fff) | 0x8000,
           (uint64_t)(b & 0xffffffffffffull));
  const int place = (int)(device - devices) / options.devices_per_address;
  device->wire.kind = WIRE_DEVICE;
  device->state = DEVICE_UPGRADING;
  device->opened_at = now;
  open_wire(&device->wire, &server.address, htonl(0x7f000000u + (uint32_t)(options.first_address + place)));
}

static void on_device_closed(struct device *device, const char *reason) {
  static bool was_told;
  if (device->state == DEVICE_READY) devices_ready--;
  else devices_failed++;
  if (device->state == DEVICE_READY) faults.closed_by_server++;
  device->state = DEVICE_CLOSED;
  if (!was_told) fprintf(stderr, "load-client: a device ended: %s\n", reason);
  was_told = true;
}
