/* Time, chance, and the ways to end early. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "load-client.h"

uint64_t now;

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

void look_at_clock(void) { now = clock_ns(CLOCK_MONOTONIC); }

uint64_t client_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

uint64_t ns_of(double secs) { return (uint64_t)(secs * 1e9); }

/* splitmix64: one word of state, and near seeds give unlike runs. */
uint64_t chance(void) {
  static uint64_t drawn;
  uint64_t z = options.seed + ++drawn * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

char why[200];

void give_up(const char *format, ...) {
  if (why[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(why, sizeof why, format, arguments);
  va_end(arguments);
}

static void *end_unless(void *memory) {
  if (memory) return memory;
  fprintf(stderr, "load-client: out of memory\n");
  exit(EXIT_RUN_FAILED);
}

void *allocate(void *old, size_t bytes) { return end_unless(realloc(old, bytes)); }

void *allocate_zeroed(size_t count, size_t bytes) { return end_unless(calloc(count, bytes)); }
