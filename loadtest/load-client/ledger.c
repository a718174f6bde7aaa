/* What became of each update: the promise that is checked is "accepted is not lost". */
#include "load-client.h"

enum { ACCEPTED = 1, REFUSED = 2, NOTIFIED = 4 };

struct faults faults;
struct histogram answer_latency, notification_latency;
uint64_t statuses[600];
uint64_t answers, rounds, last_progress_at;
uint64_t window_from = UINT64_MAX, window_to = UINT64_MAX;

bool is_in_window(uint64_t planned_at) { return planned_at >= window_from && planned_at < window_to; }

uint32_t note_planned(struct ledger *ledger, uint64_t planned_at) {
  if (ledger->count == ledger->room) {
    ledger->room = ledger->room > 0 ? ledger->room * 2 : 64;
    ledger->updates = allocate(ledger->updates, ledger->room * sizeof *ledger->updates);
  }
  ledger->updates[ledger->count++] = (struct update){.planned_at = planned_at};
  return ledger->count;
}

void note_answered(struct ledger *ledger, uint32_t version, int status) {
  const bool is_accepted = status == 200 || status == 202;
  struct update *update = &ledger->updates[version - 1];
  update->flags |= is_accepted ? ACCEPTED : REFUSED;
  if (is_accepted && version > ledger->highest_accepted) ledger->highest_accepted = version;
  statuses[status]++;
  answers++;
  last_progress_at = now;
  if (is_in_window(update->planned_at)) record(&answer_latency, now - update->planned_at);
}

void note_notified(struct ledger *ledger, uint64_t version) {
  if (version < 1 || version > ledger->count) {
    faults.unknown++;
    return;
  }
  struct update *update = &ledger->updates[version - 1];
  if (update->flags & NOTIFIED) {
    faults.duplicated++;
    return;
  }
  update->flags |= NOTIFIED;
  if (version < ledger->highest_notified) faults.reordered++;
  else ledger->highest_notified = (uint32_t)version;
  rounds++;
  last_progress_at = now;
  if (is_in_window(update->planned_at)) record(&notification_latency, now - update->planned_at);
}

void audit(const struct ledger *ledger, bool is_closed) {
  for (uint32_t version = 1; version <= ledger->count; version++) {
    const unsigned flags = ledger->updates[version - 1].flags;
    const bool is_notified = flags & NOTIFIED;
    if (!(flags & (ACCEPTED | REFUSED))) faults.unanswered++;
    if ((flags & REFUSED) && is_notified) faults.refused_but_notified++;
    if (!(flags & ACCEPTED) || is_notified) continue;
    if (version < ledger->highest_notified) faults.skipped++;
    else if (is_closed) faults.owed_to_closed++;
    else faults.lost++;
  }
}
