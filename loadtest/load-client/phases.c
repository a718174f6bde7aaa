static struct snapshot at_start, at_connected, at_window_from, at_window_to, at_end;

static void connect_devices(void) {
  const uint64_t deadline = now + ns_of(options.connect_secs);
  const int failed_max = 100;
  while (!why[0] && devices_ready < options.devices) {
    while (devices_opened < options.devices &&
           devices_opened - devices_ready - devices_failed < options.connecting_max && !why[0])
      open_device(&devices[devices_opened++]);
    wait_for_events(now + 100 * NS_PER_MS);
    report_progress("connecting", deadline);
    if (now > deadline) give_up("only %d of %d devices were ready in time", devices_ready, options.devices);
    if (devices_failed > failed_max || devices_ready + devices_failed == options.devices) break;
  }
  if (devices_failed > 0) give_up("%d of %d devices could not connect", devices_failed, options.devices);
}

/* When the next PUT is due. In closed loop it always is. */
static struct {
  uint64_t from, to;
  uint64_t count;
} plan;

static uint64_t next_planned(void) {
  if (options.puts_per_sec == 0) return now;
  return plan.from + (uint64_t)((double)plan.count * 1e9 / options.puts_per_sec);
}

static void send_due_puts(void) {
  for (;;) {
    const uint64_t planned_at = next_planned();
    if (planned_at > now || planned_at >= plan.to || free_putters.count == 0) return;
    struct putter *putter = take_free_putter();
    if (!putter) return;
    struct device *device = take_turn();
    if (!device) {
      free_putter(putter);
      return;
    }
    plan.count++;
    send_put(putter, device, planned_at);
  }
}

static void check_stall(void) {
  if (devices_ready == 0) give_up("the server closed all devices");
  if (now < last_progress_at + ns_of(options.stall_secs)) return;
  const bool is_waiting = free_putters.count < options.putters || next_planned() < now;
  if (is_waiting) give_up("the server has answered nothing for %.1f s", options.stall_secs);
  else last_progress_at = now;
}

static void put_until(uint64_t until, const char *phase) {
  while (now < until && !why[0]) {
    send_due_puts();
    const uint64_t planned_at = next_planned();
    /* A PUT that is due but finds no free connection waits for an answer, not for the clock. */
    const uint64_t wake_at = planned_at > now && planned_at < until ? planned_at : until;
    wait_for_events(wake_at < now + 20 * NS_PER_MS ? wake_at : now + 20 * NS_PER_MS);
    reopen_putters();
    check_stall();
    report_progress(phase, plan.to);
  }
}

static bool is_anything_owed(void) {
  for (int i = 0; i < options.putters; i++)
    if (putters[i].device) return true;
  for (int i = 0; i < options.devices; i++) {
    const struct device *device = &devices[i];
    if (device->state == DEVICE_READY && device->ledger.highest_accepted > device->ledger.highest_notified) return true;
  }
  return options.puts_per_sec > 0 && next_planned() < plan.to;
}

/* Waits for what is owed, and then a little for what is not: a second copy comes late. */
static void drain(void) {
  const uint64_t deadline = now + ns_of(options.drain_secs);
  while (now < deadline && !why[0] && is_anything_owed()) {
    send_due_puts();
    wait_for_events(now + 5 * NS_PER_MS);
    reopen_putters();
    report_progress("waiting for what is owed", deadline);
  }
  for (const uint64_t until = now + 200 * NS_PER_MS; now < until && !why[0];) wait_for_events(until);
  /* Planned, but never sent: their latency is at least the time waited so far. */
  for (; options.puts_per_sec > 0 && next_planned() < plan.to; plan.count++) {
    if (!is_in_window(next_planned())) continue;
    faults.unsent++;
    record(&answer_latency, now - next_planned());
    record(&notification_latency, now - next_planned());
  }
}

static void measure_puts(void) {
  putters = calloc((size_t)options.putters, sizeof *putters);
  free_putters.ring = calloc((size_t)options.putters, sizeof *free_putters.ring);
  if (!putters || !free_putters.ring) give_up("out of memory");
  shuffle_turns();
  for (int i = 0; i < options.putters && !why[0]; i++) open_putter(&putters[i]);
  plan.from = now;
  window_from = plan.from + ns_of(options.warm_secs);
  plan.to = window_to = window_from + ns_of(options.secs);
  last_progress_at = now;
  put_until(window_from, "warming up");
  read_snapshot(&at_window_from);
  at_window_from.rounds = rounds;
  at_window_from.puts_answered = puts_answered;
  put_until(window_to, "measuring");
  read_snapshot(&at_window_to);
  at_window_to.rounds = rounds;
  at_window_to.puts_answered = puts_answered;
  drain();
}

static void hold_devices(void) {
  const uint64_t until = now + ns_of(options.secs);
  at_window_from = at_connected;
  while (now < until && !why[0]) {
    wait_for_events(now + 100 * NS_PER_MS < until ? now + 100 * NS_PER_MS : until);
    report_progress("holding", until);
    if (devices_ready == 0) give_up("the server closed all devices");
  }
  read_snapshot(&at_window_to);
}
