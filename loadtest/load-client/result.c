static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

static double secs_between(const struct snapshot *from, const struct snapshot *to) {
  return (double)(to->at - from->at) / 1e9;
}

static void print_latency(const char *name, const struct histogram *h) {
  printf("\"%s\":{\"count\":%" PRIu64 ",\"mean\":%.4f,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f},",
         name, h->count, share(h->sum, (double)h->count) / 1e6, (double)percentile(h, 0.5) / 1e6,
         (double)percentile(h, 0.9) / 1e6, (double)percentile(h, 0.99) / 1e6, (double)percentile(h, 0.999) / 1e6,
         (double)h->max / 1e6);
}

static void print_memory(const char *name, const struct memory *memory, const char *after) {
  printf("\"%s\":{\"total\":%ld,\"anon\":%ld,\"file\":%ld,\"shared\":%ld}%s", name, memory->total, memory->anon,
         memory->file, memory->shared, after);
}

static void print_processes(void) {
  printf("\"processes\":[");
  for (int i = 0; i < options.pid_count; i++) {
    const double cpu_ms = (double)(at_window_to.usage[i].cpu_ticks - at_window_from.usage[i].cpu_ticks) * ms_per_tick();
    printf("%s{\"pid\":%d,\"name\":\"%s\",\"cpuMs\":%.0f,\"rssKib\":{", i ? "," : "", processes[i].pid,
           processes[i].name, cpu_ms);
    print_memory("start", &at_start.usage[i].memory, ",");
    print_memory("connected", &at_connected.usage[i].memory, ",");
    print_memory("end", &at_end.usage[i].memory, "}}");
  }
  printf("],");
}

static void print_statuses(void) {
  const char *comma = "";
  printf("\"statuses\":{");
  for (int status = 0; status < 600; status++) {
    if (statuses[status] == 0) continue;
    printf("%s\"%d\":%" PRIu64, comma, status, statuses[status]);
    comma = ",";
  }
  printf("},");
}

static void print_faults(void) {
  printf("\"faults\":{\"lost\":%" PRIu64 ",\"duplicated\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"coalesced\":%" PRIu64
         ",\"unknown\":%" PRIu64 ",\"refusedButNotified\":%" PRIu64 ",\"unanswered\":%" PRIu64
         ",\"owedToClosed\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"closedByServer\":%" PRIu64
         ",\"badMessages\":%" PRIu64 ",\"reopened\":%" PRIu64 "},",
         faults.lost, faults.duplicated, faults.reordered, faults.coalesced, faults.unknown,
         faults.refused_but_notified, faults.unanswered, faults.owed_to_closed, faults.unsent,
         faults.closed_by_server, faults.bad_messages, faults.reopened_putters);
}

static void print_window(void) {
  const double secs = secs_between(&at_window_from, &at_window_to);
  const double window_rounds = (double)(at_window_to.rounds - at_window_from.rounds);
  const double server_ms = server_cpu_ms(&at_window_from, &at_window_to);
  const double client_ms = (double)(at_window_to.client_cpu_ns - at_window_from.client_cpu_ns) / 1e6;
  const double cores_ms = (double)(at_window_to.core_ticks - at_window_from.core_ticks) * ms_per_tick();
  const double stolen_ms = (double)(at_window_to.stolen_ticks - at_window_from.stolen_ticks) * ms_per_tick();
  const double others_ms = cores_ms > server_ms + client_ms ? cores_ms - server_ms - client_ms : 0;
  printf("\"secs\":%.3f,\"roundsPerSec\":%.1f,\"answersPerSec\":%.1f,", secs, share(window_rounds, secs),
         share((double)(at_window_to.puts_answered - at_window_from.puts_answered), secs));
  printf("\"serverCpuPercent\":%.1f,\"serverCpuUsPerRound\":%.3f,", share(server_ms, secs * 10),
         share(server_ms * 1000, window_rounds));
  printf("\"clientCpuPercent\":%.1f,\"clientWaitMs\":%.1f,\"othersCpuPercent\":%.1f,\"stolenPercent\":%.1f,",
         share(client_ms, secs * 10), (double)(at_window_to.client_wait_ns - at_window_from.client_wait_ns) / 1e6,
         share(others_ms, secs * 10), share(stolen_ms, secs * 10));
}

static void print_connect(void) {
  const double secs = secs_between(&at_start, &at_connected);
  const double server_ms = server_cpu_ms(&at_start, &at_connected);
  printf("\"connect\":{\"secs\":%.3f,\"perSec\":%.1f,\"serverCpuUs\":%.2f,\"clientCpuPercent\":%.1f},", secs,
         share(devices_opened, secs), share(server_ms * 1000, devices_opened),
         share((double)(at_connected.client_cpu_ns - at_start.client_cpu_ns) / 1e6, secs * 10));
}

static void print_result(void) {
  /* Error texts are ours, or the first line of an upgrade's answer. */
  for (char *at = why; *at; at++)
    if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = ' ';
  printf("{\"mode\":\"%s\",\"seed\":%" PRIu64 ",\"devices\":%d,\"ready\":%d,", options.idle ? "idle" : "put",
         options.seed, options.devices, devices_ready);
  if (why[0]) printf("\"why\":\"%s\",", why);
  print_connect();
  print_latency("readyMs", &ready_latency);
  if (at_window_to.at) print_window();
  print_processes();
  print_statuses();
  print_latency("answerMs", &answer_latency);
  print_latency("notificationMs", &notification_latency);
  print_faults();
  printf("\"putters\":%d,\"rate\":%.1f}\n", options.idle ? 0 : options.putters, options.puts_per_sec);
}
