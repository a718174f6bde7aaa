/* The devices: WebSocket framing, hello, register, and an ack for every notification. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load-client.h"

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };
/* An ack of that many updates fits into a frame of that size. */
enum { ACK_UPDATES_MAX = 64, FRAME_BYTES_MAX = 8192 };

static const char FIRST_HELLO[] = "{\"messageType\":\"hello\",\"uaid\":\"\",\"channelIDs\":[]}";
static const char HELLO_AGAIN[] = "{\"messageType\":\"hello\",\"uaid\":\"%s\",\"channelIDs\":[\"%s\"]}";
static const char REGISTER[] = "{\"messageType\":\"register\",\"channelID\":\"%s\"}";

struct place server, endpoint;
struct device *devices;
int devices_ready, devices_failed;
char first_device_end[80];
struct histogram ready_latency;

static char upgrade_request[1024];

/* ------------------------------------------------------------------------------ open and close */

void prepare_devices(void) {
  devices = allocate_zeroed((size_t)options.devices, sizeof *devices);
  /* The key is a fixed one and the answer to it is not checked: no proxy stands between. */
  snprintf(upgrade_request, sizeof upgrade_request,
           "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZC1jbGllbnQtMDAwMA==\r\n"
           "Sec-WebSocket-Protocol: push-notification\r\n\r\n",
           server.path, server.host);
}

static void choose_channel(struct device *device) {
  const uint64_t a = chance(), b = chance();
  /* The fixed digits make it a UUID of version 4 (RFC 9562). */
  snprintf(device->channel_id, sizeof device->channel_id, "%08x-%04x-4%03x-a%03x-%04x%08x", (unsigned)(a >> 32),
           (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff, (unsigned)(b >> 48) & 0xfff,
           (unsigned)(b >> 32) & 0xffff, (unsigned)b);
}

void open_device(struct device *device) {
  const int address = options.first_address + (int)(device - devices) / options.devices_per_address;
  if (device->state == DEVICE_AWAY) device->state = DEVICE_UPGRADING;
  else choose_channel(device);
  device->wire.kind = WIRE_DEVICE;
  device->opened_at = now;
  open_wire(&device->wire, &server.address, htonl(INADDR_LOOPBACK - 1 + (in_addr_t)address));
}

void on_device_open(struct device *device) {
  send_bytes(&device->wire, upgrade_request, strlen(upgrade_request));
}

void leave_device(struct device *device) {
  devices_ready--;
  device->state = DEVICE_AWAY;
  close_wire(&device->wire, "left");
}

void on_device_closed(struct device *device, const char *reason) {
  if (device->state == DEVICE_AWAY) return;
  if (device->state == DEVICE_READY) {
    devices_ready--;
    faults.closed_by_server++;
  } else {
    devices_failed++;
  }
  device->state = DEVICE_CLOSED;
  /* One stands for all: they tend to fail alike. */
  if (first_device_end[0] == '\0') snprintf(first_device_end, sizeof first_device_end, "%s", reason);
}

static ssize_t reject(struct device *device, const char *reason) {
  faults.bad_messages++;
  close_wire(&device->wire, reason);
  return -1;
}

/* ---------------------------------------------------------------------------------------- send */

/* `to` = `from` XOR the key's four bytes, again and again. */
static void mask_bytes(char *to, const char *from, size_t length, uint32_t key) {
  const uint64_t twice = (uint64_t)key << 32 | key;
  size_t at = 0;
  for (uint64_t eight; at + sizeof eight <= length; at += sizeof eight) {
    memcpy(&eight, from + at, sizeof eight);
    eight ^= twice;
    memcpy(to + at, &eight, sizeof eight);
  }
  for (; at < length; at++) to[at] = (char)(from[at] ^ ((const char *)&key)[at % sizeof key]);
}

static void send_frame(struct device *device, int opcode, const char *payload, size_t length) {
  static char frame[FRAME_BYTES_MAX + 16];
  const uint32_t key = (uint32_t)chance();
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
  mask_bytes(to, payload, length, key);
  send_bytes(&device->wire, frame, (size_t)(to - frame) + length);
}

/* -------------------------------------------------------------------------------- conversation */

/* All endpoints must stand at one place, to which the putters connect. */
static const char *keep_endpoint(struct device *device, struct text url) {
  struct place place;
  if (!url.at) return "register was answered without a pushEndpoint";
  const char *wrong = read_url("http://", url.at, (size_t)(url.end - url.at), &place);
  if (wrong) return wrong;
  if (endpoint.host[0] == '\0') endpoint = place;
  if (strcmp(endpoint.host, place.host) != 0) return "endpoints stand at several hosts";
  /* Nobody PUTs to idle devices, and a million of these would be a gigabyte. */
  if (options.mode == MODE_IDLE) return NULL;
  char head[1024];
  device->put_head_length = (size_t)snprintf(
    head, sizeof head,
    "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ",
    place.path, place.host);
  device->put_head = allocate(NULL, device->put_head_length);
  memcpy(device->put_head, head, device->put_head_length);
  return NULL;
}

static void send_hello(struct device *device) {
  char message[160];
  if (device->device_id[0] == '\0') {
    send_frame(device, OPCODE_TEXT, FIRST_HELLO, sizeof FIRST_HELLO - 1);
    return;
  }
  const int length = snprintf(message, sizeof message, HELLO_AGAIN, device->device_id, device->channel_id);
  send_frame(device, OPCODE_TEXT, message, (size_t)length);
}

static void on_device_ready(struct device *device) {
  device->state = DEVICE_READY;
  devices_ready++;
  record(&ready_latency, now - device->opened_at);
}

static ssize_t on_hello_reply(struct device *device, bool is_granted, struct text device_id) {
  char message[128];
  if (!is_granted) return reject(device, "hello was not answered with 200");
  if (device->device_id[0] != '\0') {
    if (!text_is(device_id, device->device_id)) return reject(device, "a device that came back got another UAID");
    device->state = DEVICE_CATCHING_UP;
    return 0;
  }
  if (options.mode == MODE_STORM) {
    if (!device_id.at || device_id.end - device_id.at >= (ptrdiff_t)sizeof device->device_id)
      return reject(device, "hello was answered without a UAID");
    put_text(device->device_id, device_id.at, (size_t)(device_id.end - device_id.at));
  }
  const int length = snprintf(message, sizeof message, REGISTER, device->channel_id);
  send_frame(device, OPCODE_TEXT, message, (size_t)length);
  device->state = DEVICE_REGISTERING;
  return 0;
}

static ssize_t on_register_reply(struct device *device, bool is_granted, struct text url) {
  const char *wrong = is_granted ? keep_endpoint(device, url) : "register was not answered with 200";
  if (wrong) return reject(device, wrong);
  on_device_ready(device);
  return 0;
}

/* Acknowledges what the notification brought, in one frame however many updates it holds. */
static void on_notification(struct device *device, struct text message) {
  static char ack[FRAME_BYTES_MAX];
  char *to = PUT_LITERAL(ack, "{\"messageType\":\"ack\",\"updates\":[");
  struct text cursor = member_of(message, "updates"), update;
  int count = 0;
  while (count < ACK_UPDATES_MAX && (update = next_element(&cursor)).at) {
    const uint64_t version = whole_number_of(member_of(update, "version"));
    if (!text_is(string_of(member_of(update, "channelID")), device->channel_id)) {
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
  if (device->state == DEVICE_CATCHING_UP && device->ledger.highest_notified >= device->ledger.highest_accepted)
    on_device_ready(device);
}

static ssize_t on_message(struct device *device, struct text message) {
  const struct text type = string_of(member_of(message, "messageType"));
  const bool is_known = device->state == DEVICE_READY || device->state == DEVICE_CATCHING_UP;
  if (is_known && text_is(type, "notification")) {
    on_notification(device, message);
    return 0;
  }
  const bool is_granted = whole_number_of(member_of(message, "status")) == 200;
  if (device->state == DEVICE_GREETING && text_is(type, "hello")) 
    return on_hello_reply(device, is_granted, string_of(member_of(message, "uaid")));
  if (device->state == DEVICE_REGISTERING && text_is(type, "register"))
    return on_register_reply(device, is_granted, string_of(member_of(message, "pushEndpoint")));
  return reject(device, "a message out of turn");
}

/* ------------------------------------------------------------------------------------- receive */

static ssize_t on_upgrade_reply(struct device *device, const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return 0;
  if (strncmp(bytes, "HTTP/1.1 101", 12) != 0) {
    char reason[80];
    snprintf(reason, sizeof reason, "upgrade was answered with %.12s", bytes);
    return reject(device, reason);
  }
  device->state = DEVICE_GREETING;
  send_hello(device);
  return end + 4 - bytes;
}

static ssize_t on_close_frame(struct device *device, const unsigned char *payload, size_t length) {
  char reason[80];
  snprintf(reason, sizeof reason, "close frame %d", length < 2 ? 1005 : payload[0] << 8 | payload[1]);
  close_wire(&device->wire, reason);
  return -1;
}

static ssize_t on_frame(struct device *device, int opcode, const char *payload, size_t length) {
  switch (opcode) {
    case OPCODE_TEXT:
    case OPCODE_BINARY:
      return on_message(device, (struct text){payload, payload + length});
    case OPCODE_PING:
      send_frame(device, OPCODE_PONG, payload, length);
      return 0;
    case OPCODE_CLOSE:
      return on_close_frame(device, (const unsigned char *)payload, length);
    default:
      return 0;
  }
}

ssize_t on_device_bytes(struct device *device, const char *bytes, size_t length) {
  const unsigned char *head = (const unsigned char *)bytes;
  if (device->state == DEVICE_UPGRADING) return on_upgrade_reply(device, bytes, length);
  if (length < 2) return 0;
  size_t head_length = 2, payload_length = head[1];
  if (payload_length == 126) {
    if (length < 4) return 0;
    head_length = 4;
    payload_length = (size_t)head[2] << 8 | head[3];
  } else if (payload_length > 126) {
    return reject(device, "a masked or oversized frame");
  }
  if (!(head[0] & 0x80)) return reject(device, "a fragmented message");
  if (length < head_length + payload_length) return 0;
  if (on_frame(device, head[0] & 0x0f, bytes + head_length, payload_length) < 0) return -1;
  return (ssize_t)(head_length + payload_length);
}
