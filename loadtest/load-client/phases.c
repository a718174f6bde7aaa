/* The run: connect, then PUT, hold or storm, then wait for what is owed. Each phase ends by the clock. */
#include <inttypes.h>
#include <stdio.h>

#include "load-client.h"

/* Longest sleep, so that stalls and closed connections are noticed. */
#define TURN_NS (20 * NS_PER_MS)
/* A second copy of an update comes late, if at all. */
#define LINGER_NS (200 * NS_PER_MS)
/* So many refused devices are not bad luck. */
enum { DEVICES_FAILED_MAX = 100 };

struct snapshot at_start, at_connected, at_window_from, at_window_to, at_end;

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Once a second: says where the run stands, and notices a server that has died. */
static void report_progress(const char *phase, uint64_t ends_at) {
  static uint64_t next_at, rounds_before;
  if (now < next_at) return;
  const double left = ends_at > now ? (double)(ends_at - now) / 1e9 : 0;
  fprintf(stderr, "load-client: %s, %d devices, %" PRIu64 " rounds/s, at most %.0f s left\n", phase, devices_ready,
          rounds - rounds_before, left);
  next_at = now + NS_PER_SEC;
  rounds_before = rounds;
  if (!is_server_alive()) give_up("the server has died");
}

/* ------------------------------------------------------------------------------------- connect */

/* Opens the devices from `first` on, so many at a time, until all are ready. `each_turn` is done besides. */
static void open_devices(int first, void (*each_turn)(void)) {
  const uint64_t deadline = now + ns_of(options.connect_secs);
  int opened = first;
  while (!why[0] && devices_ready + devices_failed < options.devices && devices_failed < DEVICES_FAILED_MAX) {
    while (opened < options.devices && !why[0] && opened - devices_ready - devices_failed < options.connecting_max)
      open_device(&devices[opened++]);
    each_turn();
    report_progress("connecting", deadline);
    if (now > deadline) give_up("only %d of %d devices were ready in time", devices_ready, options.devices);
  }
  if (devices_failed > 0) give_up("%d devices could not connect: %s", devices_failed, first_device_end);
}

static void wait_a_turn(void) { wait_for_events(now + TURN_NS); }

void connect_devices(void) { open_devices(0, wait_a_turn); }

/* ------------------------------------------------------------------------------------------ PUT */

/* PUTs are planned from `from` until `to`; `count` have been so far. */
static struct {
  uint64_t from, to, count;
} plan;

/* Closed loop: now. Open loop: at a constant pace, whatever the server does meanwhile. */
static uint64_t next_planned_at(void) {
  if (options.puts_per_sec == 0) return now;
  return plan.from + (uint64_t)((double)plan.count * 1e9 / options.puts_per_sec);
}

static void send_due_puts(void) {
  for (;;) {
    const uint64_t planned_at = next_planned_at();
    if (planned_at > now || planned_at >= plan.to || !send_put(planned_at)) return;
    plan.count++;
  }
}

static void check_stall(void) {
  if (devices_ready == 0) give_up("the server closed all devices: %s", first_device_end);
  /* While nothing is asked, nothing is late. */
  if (next_planned_at() > now && !is_any_put_under_way()) last_progress_at = now;
  if (now >= last_progress_at + ns_of(options.stall_secs))
    give_up("the server has answered nothing for %.1f s", options.stall_secs);
}

static void put_for_a_turn(uint64_t until) {
  send_due_puts();
  /* What is due and was not sent waits for a free connection, not for the clock. */
  const uint64_t planned_at = next_planned_at();
  const uint64_t wake_at = sooner(now + TURN_NS, until);
  wait_for_events(planned_at > now ? sooner(planned_at, wake_at) : wake_at);
  reopen_putters();
  check_stall();
}

static void put_until(uint64_t until, const char *phase) {
  while (now < until && !why[0]) {
    put_for_a_turn(until);
    report_progress(phase, plan.to);
  }
}

static bool is_anything_owed(void) {
  if (is_any_put_under_way()) return true;
  if (options.puts_per_sec > 0 && next_planned_at() < plan.to) return true;
  for (int i = 0; i < options.devices; i++) {
    const struct ledger *ledger = &devices[i].ledger;
    if (devices[i].state == DEVICE_READY && ledger->highest_accepted > ledger->highest_notified) return true;
  }
  return false;
}

static void drain(void) {
  const uint64_t deadline = now + ns_of(options.drain_secs);
  while (now < deadline && !why[0] && is_anything_owed()) {
    send_due_puts();
    wait_for_events(now + TURN_NS);
    reopen_putters();
    report_progress("waiting for what is owed", deadline);
  }
  const uint64_t lingers_until = now + LINGER_NS;
  while (now < lingers_until && !why[0]) wait_for_events(lingers_until);
}

/* Due, but never sent: to leave them out would make a server that cannot keep up look quick. Their
   latency is at least what they have waited so far. */
static void count_unsent(void) {
  for (; options.puts_per_sec > 0 && next_planned_at() < plan.to; plan.count++) {
    if (!is_in_window(next_planned_at())) continue;
    faults.unsent++;
    record(&answer_latency, now - next_planned_at());
    record(&notification_latency, now - next_planned_at());
  }
}

void measure_puts(void) {
  open_putters();
  put_to(devices, options.devices);
  plan.from = last_progress_at = now;
  window_from = plan.from + ns_of(options.warm_secs);
  plan.to = window_to = window_from + ns_of(options.secs);
  put_until(window_from, "warming up");
  read_snapshot(&at_window_from);
  put_until(window_to, "measuring");
  read_snapshot(&at_window_to);
  drain();
  count_unsent();
}

/* ---------------------------------------------------------------------------------------- storm */

/* One update for each device that has left, in closed loop. */
static void put_one_each(int count) {
  const uint64_t deadline = now + ns_of(options.connect_secs);
  int sent = 0;
  last_progress_at = now;
  while (!why[0] && (sent < count || is_any_put_under_way())) {
    while (sent < count && send_put(now)) sent++;
    wait_for_events(now + TURN_NS);
    reopen_putters();
    report_progress("putting to who is away", deadline);
    if (now > deadline) give_up("only %" PRIu64 " of %d PUTs were answered in time", answers, count);
  }
}

static void put_meanwhile(void) {
  /* In a storm closed loop is no loop: it would measure how much room the PUTs leave. */
  if (options.puts_per_sec > 0) put_for_a_turn(now + TURN_NS);
  else wait_a_turn();
}

void measure_storm(void) {
  const int coming = options.devices - options.others;
  open_putters();
  for (int i = options.others; i < options.devices; i++) leave_device(&devices[i]);
  put_to(&devices[options.others], coming);
  put_one_each(coming);
  if (why[0]) return;
  put_to(devices, options.others);
  ready_latency = (struct histogram){0};
  plan.from = last_progress_at = now;
  plan.to = UINT64_MAX;
  window_from = now;
  read_snapshot(&at_window_from);
  open_devices(options.others, put_meanwhile);
  window_to = plan.to = now;
  read_snapshot(&at_window_to);
  drain();
  count_unsent();
}

/* ----------------------------------------------------------------------------------------- hold */

void hold_devices(void) {
  const uint64_t until = now + ns_of(options.secs);
  at_window_from = at_connected;
  while (now < until && !why[0]) {
    wait_for_events(sooner(now + TURN_NS, until));
    report_progress("holding", until);
    if (devices_ready == 0) give_up("the server closed all devices: %s", first_device_end);
  }
  read_snapshot(&at_window_to);
}
