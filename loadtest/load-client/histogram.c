/* Latencies: counts in buckets that widen with the value. */
#include "load-client.h"

/* Each power of two is cut into 128 equal buckets and a bucket is reported by its middle, so a
   percentile is off by 0.4 % at most. */
void record(struct histogram *h, uint64_t ns) {
  int octave = ns < STEPS ? 0 : 64 - STEP_BITS - __builtin_clzll(ns);
  uint64_t step = octave == 0 ? ns : (ns >> (octave - 1)) & (STEPS - 1);
  h->buckets[(uint64_t)octave * STEPS + step]++;
  h->count++;
  h->sum += (double)ns;
  if (ns > h->max) h->max = ns;
}

static uint64_t middle_of_bucket(size_t bucket) {
  size_t octave = bucket / STEPS, step = bucket % STEPS;
  if (octave == 0) return step;
  return ((uint64_t)(STEPS + step) << (octave - 1)) + ((1ull << (octave - 1)) >> 1);
}

uint64_t percentile(const struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * (double)h->count), seen = 0;
  for (size_t i = 0; i < sizeof h->buckets / sizeof h->buckets[0]; i++) {
    seen += h->buckets[i];
    /* The middle of the last bucket may lie beyond what was seen. */
    if (seen > wanted) return middle_of_bucket(i) < h->max ? middle_of_bucket(i) : h->max;
  }
  return h->max;
}
