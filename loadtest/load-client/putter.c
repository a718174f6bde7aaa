/* The app servers: keep-alive connections that PUT versions, one after the other. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load-client.h"

/* A server that refuses connections is asked again after this, not in a busy loop. */
enum { REOPEN_AFTER_MS = 20 };

struct putter *putters;
static int putters_closed;

/* ------------------------------------------------------------------------------------- whose turn */

/* Those that may PUT, first come first served, so that open loop uses all connections in turn. */
static struct {
  struct putter **places;
  int first, count;
} ring;

static void put_into_ring(struct putter *putter) {
  if (putter->is_in_ring) return;
  putter->is_in_ring = true;
  ring.places[(ring.first + ring.count++) % options.putters] = putter;
}

static struct putter *first_of_ring(void) {
  while (ring.count > 0) {
    struct putter *putter = ring.places[ring.first];
    if (putter->wire.fd >= 0 && !putter->wire.is_connecting) return putter;
    /* The server closed it while it waited here. It comes back when it is open again. */
    ring.first = (ring.first + 1) % options.putters;
    ring.count--;
    putter->is_in_ring = false;
  }
  return NULL;
}

static void leave_ring(struct putter *putter) {
  ring.first = (ring.first + 1) % options.putters;
  ring.count--;
  putter->is_in_ring = false;
}

/* Channels have their turns in one shuffled order again and again, so that two PUTs of a channel are
   as far apart as can be. */
static struct device **turns;
static int next_turn, turn_count;

void put_to(struct device *first, int count) {
  turns = allocate(turns, (size_t)count * sizeof *turns);
  turn_count = count;
  next_turn = 0;
  for (int i = 0; i < count; i++) {
    const int other = (int)(chance() % (uint64_t)(i + 1));
    turns[i] = turns[other];
    turns[other] = &first[i];
  }
}

static struct device *take_turn(void) {
  for (int passed = 0; passed < turn_count; passed++) {
    struct device *device = turns[next_turn];
    next_turn = next_turn + 1 == turn_count ? 0 : next_turn + 1;
    const bool is_put_to = device->state == DEVICE_READY || device->state == DEVICE_AWAY;
    if (is_put_to && !device->has_put_under_way) return device;
  }
  return NULL;
}

/* ------------------------------------------------------------------------------ open and close */

static void open_putter(struct putter *putter) {
  putter->reopen_at = 0;
  open_wire(&putter->wire, &endpoint.address, 0);
}

void open_putters(void) {
  putters = allocate_zeroed((size_t)options.putters, sizeof *putters);
  ring.places = allocate_zeroed((size_t)options.putters, sizeof *ring.places);
  for (int i = 0; i < options.putters; i++) {
    putters[i].wire.kind = WIRE_PUTTER;
    open_putter(&putters[i]);
  }
}

void on_putter_open(struct putter *putter) { put_into_ring(putter); }

void on_putter_closed(struct putter *putter) {
  if (putter->device) putter->device->has_put_under_way = false;
  putter->device = NULL;
  putter->reopen_at = now + REOPEN_AFTER_MS * NS_PER_MS;
  putters_closed++;
}

void reopen_putters(void) {
  for (int i = 0; putters_closed > 0 && i < options.putters; i++) {
    if (putters[i].reopen_at == 0 || putters[i].reopen_at > now) continue;
    faults.reopened++;
    putters_closed--;
    open_putter(&putters[i]);
  }
}

bool is_any_put_under_way(void) {
  for (int i = 0; i < options.putters; i++)
    if (putters[i].device) return true;
  return false;
}

/* ---------------------------------------------------------------------------------------- send */

bool send_put(uint64_t planned_at) {
  static char request[1200];
  char version[24];
  struct putter *putter = first_of_ring();
  struct device *device = putter ? take_turn() : NULL;
  if (!device) return false;
  leave_ring(putter);
  device->has_put_under_way = true;
  putter->device = device;
  putter->version = note_planned(&device->ledger, planned_at);
  const size_t digits = (size_t)(put_number(version, putter->version) - version);
  char *to = put_text(request, device->put_head, device->put_head_length);
  to = put_number(to, sizeof "version=" - 1 + digits);
  to = PUT_LITERAL(to, "\r\n\r\nversion=");
  to = put_text(to, version, digits);
  send_bytes(&putter->wire, request, (size_t)(to - request));
  return true;
}

/* ------------------------------------------------------------------------------------- receive */

/* The value of a header; `head` ends behind the empty line. */
static struct text header_of(struct text head, const char *name) {
  const size_t name_length = strlen(name);
  const char *line = head.at;
  while ((line = memchr(line, '\n', (size_t)(head.end - line))) && ++line < head.end) {
    if ((size_t)(head.end - line) <= name_length || line[name_length] != ':') continue;
    if (strncasecmp(line, name, name_length) != 0) continue;
    const char *value = skip_blanks(line + name_length + 1, head.end);
    return (struct text){value, memchr(value, '\r', (size_t)(head.end - value))};
  }
  return (struct text){0};
}

/* NULL when the body is not complete; `end` is where the bytes end. */
static const char *end_of_body(struct text head, const char *end) {
  const struct text length = header_of(head, "content-length");
  if (length.at) {
    const uint64_t bytes = whole_number_of(length);
    return bytes <= (uint64_t)(end - head.end) ? head.end + bytes : NULL;
  }
  if (!header_of(head, "transfer-encoding").at) return head.end;
  /* The search includes the line break of the head: an empty body is nothing but the last chunk. */
  const char *last = memmem(head.end - 2, (size_t)(end - head.end) + 2, "\r\n0\r\n\r\n", 7);
  return last ? last + 7 : NULL;
}

ssize_t on_putter_bytes(struct putter *putter, const char *bytes, size_t length) {
  const char *blank = memmem(bytes, length, "\r\n\r\n", 4);
  if (!blank) return 0;
  const struct text head = {bytes, blank + 4};
  const char *end = end_of_body(head, bytes + length);
  if (!end) return 0;
  const int status = strncmp(bytes, "HTTP/1.", 7) == 0 ? atoi(bytes + 9) : 0;
  if (status < 200 || status > 599 || !putter->device) {
    faults.bad_messages++;
    close_wire(&putter->wire, "an answer that is none");
    return -1;
  }
  note_answered(&putter->device->ledger, putter->version, status);
  putter->device->has_put_under_way = false;
  putter->device = NULL;
  const struct text connection = header_of(head, "connection");
  if (connection.at && strncasecmp(connection.at, "close", 5) == 0) {
    close_wire(&putter->wire, "closed by the server");
    return -1;
  }
  put_into_ring(putter);
  return end - bytes;
}
