/* The result: one object of JSON on one line. */
#include <inttypes.h>
#include <stdio.h>

#include "load-client.h"

static double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

static double ms(uint64_t ns) { return (double)ns / 1e6; }

static double ticks_ms(uint64_t from, uint64_t to) { return (double)(to - from) * ms_per_tick(); }

static void print_latency(const char *name, const struct histogram *h) {
  printf("\"%s\":{\"count\":%" PRIu64 ",\"mean\":%.4f,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f},",
         name, h->count, ratio(h->sum / 1e6, (double)h->count), ms(percentile(h, 0.5)), ms(percentile(h, 0.9)),
         ms(percentile(h, 0.99)), ms(percentile(h, 0.999)), ms(h->max));
}

static void print_memory(const char *name, const struct memory *m, const char *after) {
  printf("\"%s\":{\"total\":%ld,\"anon\":%ld,\"file\":%ld,\"shared\":%ld}%s", name, m->total, m->anon, m->file,
         m->shared, after);
}

static void print_processes(void) {
  printf("\"processes\":[");
  for (int i = 0; i < options.pid_count; i++) {
    printf("%s{\"pid\":%d,\"name\":\"%s\",\"cpuMs\":%.0f,\"rssKib\":{", i > 0 ? "," : "", options.pids[i],
           process_names[i], ticks_ms(at_window_from.usage[i].cpu_ticks, at_window_to.usage[i].cpu_ticks));
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
  const struct { const char *name; uint64_t count; } rows[] = {
    {"lost", faults.lost}, {"duplicated", faults.duplicated}, {"reordered", faults.reordered},
    {"skipped", faults.skipped}, {"unknown", faults.unknown},
    {"refusedButNotified", faults.refused_but_notified}, {"unanswered", faults.unanswered},
    {"owedToClosed", faults.owed_to_closed}, {"unsent", faults.unsent},
    {"closedByServer", faults.closed_by_server}, {"badMessages", faults.bad_messages},
    {"reopened", faults.reopened},
  };
  printf("\"faults\":{");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "", rows[i].name, rows[i].count);
  printf("},");
}

/* How quickly `count` devices came. */
static void print_arrivals(const char *name, const struct snapshot *from, const struct snapshot *to, int count) {
  const double took_ms = ms(to->at - from->at);
  printf("\"%s\":{\"secs\":%.3f,\"perSec\":%.1f,\"serverCpuUs\":%.2f,\"clientCpuPercent\":%.1f},", name,
         took_ms / 1000, ratio(count * 1000.0, took_ms), ratio(server_cpu_ms(from, to) * 1000, count),
         ratio(ms(to->client_cpu_ns - from->client_cpu_ns) * 100, took_ms));
}

static void print_window(const struct snapshot *from, const struct snapshot *to) {
  const double took_ms = ms(to->at - from->at), count = (double)(to->rounds - from->rounds);
  const double server_ms = server_cpu_ms(from, to);
  const double client_ms = ms(to->client_cpu_ns - from->client_cpu_ns);
  const double others_ms = ticks_ms(from->core_ticks, to->core_ticks) - server_ms - client_ms;
  printf("\"secs\":%.3f,\"roundsPerSec\":%.1f,\"answersPerSec\":%.1f,", took_ms / 1000, ratio(count * 1000, took_ms),
         ratio((double)(to->answers - from->answers) * 1000, took_ms));
  printf("\"serverCpuPercent\":%.1f,\"serverCpuUsPerRound\":%.3f,", ratio(server_ms * 100, took_ms),
         ratio(server_ms * 1000, count));
  /* Each of the three is rounded to ticks of its own, so their difference may fall below nothing. */
  printf("\"clientCpuPercent\":%.1f,\"clientWaitMs\":%.1f,\"othersCpuPercent\":%.1f,\"stolenPercent\":%.1f,",
         ratio(client_ms * 100, took_ms), ms(to->client_wait_ns - from->client_wait_ns),
         others_ms > 0 ? ratio(others_ms * 100, took_ms) : 0,
         ratio(ticks_ms(from->stolen_ticks, to->stolen_ticks) * 100, took_ms));
}

void print_result(void) {
  static const char *const modes[] = {[MODE_PUT] = "put", [MODE_IDLE] = "idle", [MODE_STORM] = "storm"};
  printf("{\"mode\":\"%s\",\"seed\":%" PRIu64 ",\"devices\":%d,\"ready\":%d,", modes[options.mode],
         options.seed, options.devices, devices_ready);
  if (why[0]) printf("\"why\":\"%s\",", why);
  /* A server that died has no CPU time to subtract from. */
  if (at_connected.at > 0 && !why[0]) print_arrivals("connect", &at_start, &at_connected, devices_ready);
  if (options.mode == MODE_STORM && at_window_to.at > 0 && !why[0])
    print_arrivals("storm", &at_window_from, &at_window_to, options.devices - options.others);
  if (at_window_to.at > 0 && !why[0]) print_window(&at_window_from, &at_window_to);
  print_latency("readyMs", &ready_latency);
  print_latency("answerMs", &answer_latency);
  print_latency("notificationMs", &notification_latency);
  if (!why[0]) print_processes();
  print_statuses();
  print_faults();
  printf("\"putters\":%d,\"rate\":%.1f}\n", options.mode == MODE_IDLE ? 0 : options.putters, options.puts_per_sec);
}
