/* One app server: a keep-alive connection with at most one PUT under way. */
struct putter {
  struct wire wire;
  struct device *device; /* NULL: free */
  uint32_t version;
  uint64_t reopen_at; /* 0: is open or opening */
};

enum { REOPEN_AFTER_MS = 20 };

static struct putter *putters;
static int putters_closed;

/* A ring of those that could PUT at once, so that open loop uses all connections in turn. */
static struct {
  struct putter **ring;
  int first, count;
} free_putters;

static void free_putter(struct putter *putter) {
  free_putters.ring[(free_putters.first + free_putters.count++) % options.putters] = putter;
}

static struct putter *take_free_putter(void) {
  /* One that was closed while it was free is passed over; it comes back when it is open again. */
  while (free_putters.count > 0) {
    struct putter *putter = free_putters.ring[free_putters.first];
    free_putters.first = (free_putters.first + 1) % options.putters;
    free_putters.count--;
    if (putter->wire.fd >= 0 && !putter->wire.is_connecting) return putter;
  }
  return NULL;
}

static void open_putter(struct putter *putter) {
  putter->reopen_at = 0;
  putter->wire.kind = WIRE_PUTTER;
  open_wire(&putter->wire, &endpoint.address, 0);
}

static void on_putter_closed(struct putter *putter) {
  if (putter->device) putter->device->has_put_under_way = false;
  putter->device = NULL;
  putter->reopen_at = now + REOPEN_AFTER_MS * NS_PER_MS;
  putters_closed++;
}

static void reopen_putters(void) {
  for (int i = 0; putters_closed > 0 && i < options.putters; i++) {
    if (putters[i].reopen_at == 0 || putters[i].reopen_at > now) continue;
    faults.reopened_putters++;
    putters_closed--;
    open_putter(&putters[i]);
  }
}

/* Channels come in one shuffled order again and again, so that each has its turn and any two PUTs
   of a channel are far apart. One whose last PUT is not answered yet is passed over. */
static struct device **turns;
static int next_turn;

static void shuffle_turns(void) {
  turns = allocate(NULL, (size_t)options.devices * sizeof *turns);
  for (int i = 0; i < options.devices; i++) {
    int other = (int)(chance() % (uint64_t)(i + 1));
    turns[i] = turns[other];
    turns[other] = &devices[i];
  }
}

static struct device *take_turn(void) {
  for (int tried = 0; tried < options.devices; tried++) {
    struct device *device = turns[next_turn];
    next_turn = next_turn + 1 == options.devices ? 0 : next_turn + 1;
    if (device->state == DEVICE_READY && !device->has_put_under_way) return device;
  }
  return NULL;
}

static void send_put(struct putter *putter, struct device *device, uint64_t planned_at) {
  static char request[1200];
  char version[24];
  putter->device = device;
  putter->version = note_planned(&device->ledger, planned_at);
  device->has_put_under_way = true;
  size_t digits = (size_t)(put_number(version, putter->version) - version);
  char *to = put_text(request, device->put_head, device->put_head_length);
  to = put_number(to, digits + sizeof("version=") - 1);
  to = PUT_LITERAL(to, "\r\n\r\nversion=");
  to = put_text(to, version, digits);
  send_bytes(&putter->wire, request, (size_t)(to - request));
}

/* The value of a header, or none. `head` ends after its last line break. */
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

/* Where the body ends, or NULL when it is not complete; `end` is where the bytes end. */
static const char *end_of_body(struct text head, const char *end) {
  struct text length = header_of(head, "content-length");
  if (length.at) {
    uint64_t bytes = whole_number_of(length);
    return bytes <= (uint64_t)(end - head.end) ? head.end + bytes : NULL;
  }
  if (!header_of(head, "transfer-encoding").at) return head.end;
  /* The line break before the body belongs to the search: an empty body is the last chunk alone. */
  const char *last = memmem(head.end - 2, (size_t)(end - head.end) + 2, "\r\n0\r\n\r\n", 7);
  return last ? last + 7 : NULL;
}

static ssize_t take_answer(struct putter *putter, const char *bytes, size_t length) {
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
  struct text connection = header_of(head, "connection");
  if (connection.at && strncasecmp(connection.at, "close", 5) == 0) {
    close_wire(&putter->wire, "closed by the server");
    return -1;
  }
  free_putter(putter);
  return end - bytes;
}
