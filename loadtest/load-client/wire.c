/* TCP connections: opening, sending, receiving, and the one place where events are waited for. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load-client.h"

/* The longest message that is understood: no answer that is measured here comes near it. */
enum { INBOX_BYTES = 65536, EVENTS_MAX = 512 };

static int epoll_fd = -1;

static void on_open(struct wire *wire) {
  if (wire->kind == WIRE_PUTTER) on_putter_open((struct putter *)wire);
  else on_device_open((struct device *)wire);
}

static void on_closed(struct wire *wire, const char *reason) {
  if (wire->kind == WIRE_PUTTER) on_putter_closed((struct putter *)wire);
  else on_device_closed((struct device *)wire, reason);
}

static ssize_t on_bytes(struct wire *wire, const char *bytes, size_t length) {
  if (wire->kind == WIRE_PUTTER) return on_putter_bytes((struct putter *)wire, bytes, length);
  return on_device_bytes((struct device *)wire, bytes, length);
}

/* ------------------------------------------------------------------------------ open and close */

void open_epoll(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) give_up("no epoll: %s", strerror(errno));
}

static void drop_leftover(struct leftover *left) {
  free(left->bytes);
  *left = (struct leftover){0};
}

void close_wire(struct wire *wire, const char *reason) {
  if (wire->fd < 0) return;
  close(wire->fd);
  wire->fd = -1;
  wire->is_connecting = false;
  drop_leftover(&wire->in);
  drop_leftover(&wire->out);
  on_closed(wire, reason);
}

static void bind_source(int fd, in_addr_t from) {
  const int on = 1;
  const struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = from};
  /* The port is chosen by connect, which knows the other end: free towards it is free enough. */
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)&source, sizeof source) < 0) give_up("bind: %s", strerror(errno));
}

void open_wire(struct wire *wire, const struct sockaddr_in *to, in_addr_t from) {
  const int on = 1;
  wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (wire->fd < 0) {
    give_up("no socket: %s", strerror(errno));
    return;
  }
  setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (from) bind_source(wire->fd, from);
  wire->is_connecting = true;
  /* Edge-triggered, so that one call serves the whole life of the connection. */
  struct epoll_event interest = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = wire};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wire->fd, &interest);
  if (connect(wire->fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
    close_wire(wire, strerror(errno));
}

/* ---------------------------------------------------------------------------- send and receive */

void send_bytes(struct wire *wire, const char *bytes, size_t length) {
  size_t sent = 0;
  if (wire->out.length == 0) {
    const ssize_t result = send(wire->fd, bytes, length, MSG_NOSIGNAL);
    if (result == (ssize_t)length) return;
    /* A broken connection shows itself as an event, and what could not be sent is lost with it. */
    if (result < 0 && errno != EAGAIN) return;
    if (result > 0) sent = (size_t)result;
  }
  wire->out.bytes = allocate(wire->out.bytes, wire->out.length + length - sent);
  memcpy(wire->out.bytes + wire->out.length, bytes + sent, length - sent);
  wire->out.length += length - sent;
}

static void send_leftover(struct wire *wire) {
  const ssize_t sent = send(wire->fd, wire->out.bytes, wire->out.length, MSG_NOSIGNAL);
  if (sent <= 0) return;
  wire->out.length -= (size_t)sent;
  memmove(wire->out.bytes, wire->out.bytes + sent, wire->out.length);
}

static void keep_rest(struct leftover *in, const char *bytes, size_t length) {
  if (length == 0) {
    drop_leftover(in);
    return;
  }
  in->bytes = allocate(in->bytes, length);
  memcpy(in->bytes, bytes, length);
  in->length = length;
}

/* Hands on whole messages; returns the bytes taken, or -1 when that closed the wire. */
static ssize_t take_messages(struct wire *wire, const char *bytes, size_t length) {
  size_t taken = 0;
  while (taken < length) {
    const ssize_t one = on_bytes(wire, bytes + taken, length - taken);
    if (one < 0) return -1;
    if (one == 0) break;
    taken += (size_t)one;
  }
  return (ssize_t)taken;
}

static void receive(struct wire *wire, bool until_end) {
  static char inbox[INBOX_BYTES];
  for (;;) {
    const size_t kept = wire->in.length;
    if (kept > 0) memcpy(inbox, wire->in.bytes, kept);
    const ssize_t got = recv(wire->fd, inbox + kept, sizeof inbox - kept, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      close_wire(wire, got == 0 ? "closed by the server" : strerror(errno));
      return;
    }
    const size_t length = kept + (size_t)got;
    const ssize_t taken = take_messages(wire, inbox, length);
    if (taken < 0) return;
    const size_t rest = length - (size_t)taken;
    if (rest == sizeof inbox) {
      faults.bad_messages++;
      close_wire(wire, "a message longer than 64 KiB");
      return;
    }
    if (kept > 0 || rest > 0) keep_rest(&wire->in, inbox + taken, rest);
    /* Fewer bytes than fit: the kernel has no more, and asking again would cost a system call per
       message. Only the end of the connection may hide behind them, and of that an event tells. */
    if (length < sizeof inbox && !until_end) return;
  }
}

/* -------------------------------------------------------------------------------------- events */

static void on_event(struct wire *wire, uint32_t events) {
  const uint32_t ended = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  if (wire->fd < 0) return;
  if (wire->is_connecting && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
    wire->is_connecting = false;
    on_open(wire);
  }
  if (wire->out.length > 0 && (events & EPOLLOUT)) send_leftover(wire);
  if ((events & EPOLLIN) || ended) receive(wire, ended != 0);
}

void wait_for_events(uint64_t until) {
  static struct epoll_event events[EVENTS_MAX];
  const uint64_t left = until > now ? until - now : 0;
  const struct timespec timeout = {
    .tv_sec = (time_t)(left / NS_PER_SEC),
    .tv_nsec = (long)(left % NS_PER_SEC),
  };
  /* The old call knows only whole milliseconds: a PUT due in 30 us would wait for a whole one. */
  const int count = epoll_pwait2(epoll_fd, events, EVENTS_MAX, &timeout, NULL);
  look_at_clock();
  if (count < 0 && errno != EINTR) give_up("epoll_pwait2 (Linux 5.11): %s", strerror(errno));
  for (int i = 0; i < count; i++) {
    on_event(events[i].data.ptr, events[i].events);
    look_at_clock();
  }
}

/* ---------------------------------------------------------------------------------------- URLs */

const char *read_url(const char *scheme, const char *url, size_t length, struct place *place) {
  char text[640];
  *place = (struct place){.address.sin_family = AF_INET};
  if (length >= sizeof text) return "a URL of more than 639 characters";
  memcpy(text, url, length);
  text[length] = '\0';
  if (strncasecmp(text, scheme, strlen(scheme)) != 0) return "a URL of another scheme";
  const char *host = text + strlen(scheme), *path = host + strcspn(host, "/");
  const char *colon = memchr(host, ':', (size_t)(path - host));
  const int port = colon ? atoi(colon + 1) : 80;
  if (port < 1 || port > 65535 || path - host >= (ptrdiff_t)sizeof place->host)
    return "a URL without a proper host and port";
  snprintf(place->path, sizeof place->path, "%s", *path ? path : "/");
  snprintf(place->host, sizeof place->host, "%.*s", (int)((colon ? colon : path) - host), host);
  const char *address = strcasecmp(place->host, "localhost") == 0 ? "127.0.0.1" : place->host;
  const bool is_address = inet_pton(AF_INET, address, &place->address.sin_addr) == 1;
  if (!is_address || ntohl(place->address.sin_addr.s_addr) >> 24 != 127)
    return "a URL beyond this machine: only localhost and 127.x.y.z are loaded";
  place->address.sin_port = htons((uint16_t)port);
  snprintf(place->host, sizeof place->host, "%.*s", (int)(path - host), host);
  return NULL;
}
