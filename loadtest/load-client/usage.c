/* CPU time and memory of the server's processes, of this one, and of the cores both run on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load-client.h"

char process_names[PIDS_MAX][32];

static bool read_small_file(const char *path, char *text, size_t room) {
  FILE *file = fopen(path, "re");
  if (!file) return false;
  const size_t length = fread(text, 1, room - 1, file);
  fclose(file);
  text[length] = '\0';
  return length > 0;
}

static long status_kib(const char *status, const char *key) {
  const char *line = strstr(status, key);
  return line ? strtol(line + strlen(key), NULL, 10) : 0;
}

static struct memory read_memory(pid_t pid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  if (!read_small_file(path, text, sizeof text)) return (struct memory){0};
  return (struct memory){
    .total = status_kib(text, "VmRSS:"),
    .anon = status_kib(text, "RssAnon:"),
    .file = status_kib(text, "RssFile:"),
    .shared = status_kib(text, "RssShmem:"),
  };
}

/* False when the process is gone, or dead and only its parent has not noticed yet. */
static bool read_cpu_ticks(int index, uint64_t *ticks) {
  char path[64], text[1024], state;
  uint64_t user, kernel;
  snprintf(path, sizeof path, "/proc/%d/stat", options.pids[index]);
  if (!read_small_file(path, text, sizeof text)) return false;
  /* The name stands in parentheses and may itself hold blanks and parentheses. */
  const char *name = strchr(text, '('), *rest = strrchr(text, ')');
  if (!name || !rest) return false;
  snprintf(process_names[index], sizeof process_names[index], "%.*s", (int)(rest - name - 1), name + 1);
  const char *format = ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64;
  if (sscanf(rest, format, &state, &user, &kernel) != 3) return false;
  *ticks = user + kernel;
  return state != 'Z' && state != 'X';
}

static void read_cores(struct snapshot *s) {
  static char text[65536];
  if (!read_small_file("/proc/stat", text, sizeof text)) return;
  for (int i = 0; i < options.core_count; i++) {
    /* user, nice, system, idle, iowait, irq, softirq, steal */
    uint64_t ticks[8];
    char key[16];
    snprintf(key, sizeof key, "\ncpu%d ", options.cores[i]);
    char *at = strstr(text, key);
    if (!at) continue;
    at += strlen(key);
    for (int k = 0; k < 8; k++) ticks[k] = strtoull(at, &at, 10);
    s->core_ticks += ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6];
    s->stolen_ticks += ticks[7];
  }
}

bool read_snapshot(struct snapshot *s) {
  char text[128];
  bool is_alive = true;
  *s = (struct snapshot){.answers = answers, .rounds = rounds, .client_cpu_ns = client_cpu_ns()};
  for (int i = 0; i < options.pid_count; i++) {
    is_alive &= read_cpu_ticks(i, &s->usage[i].cpu_ticks);
    s->usage[i].memory = read_memory(options.pids[i]);
  }
  if (read_small_file("/proc/self/schedstat", text, sizeof text))
    sscanf(text, "%*u %" SCNu64, &s->client_wait_ns);
  read_cores(s);
  look_at_clock();
  s->at = now;
  return is_alive;
}

bool is_server_alive(void) {
  uint64_t ticks;
  for (int i = 0; i < options.pid_count; i++)
    if (!read_cpu_ticks(i, &ticks)) return false;
  return true;
}

double ms_per_tick(void) { return 1000.0 / (double)sysconf(_SC_CLK_TCK); }

double server_cpu_ms(const struct snapshot *from, const struct snapshot *to) {
  uint64_t ticks = 0;
  for (int i = 0; i < options.pid_count; i++) ticks += to->usage[i].cpu_ticks - from->usage[i].cpu_ticks;
  return (double)ticks * ms_per_tick();
}
