enum { UPDATE_ACCEPTED = 1, UPDATE_REFUSED = 2, UPDATE_NOTIFIED = 4 };

/* One PUT of one channel. Its version is its place in the channel's list, from 1. */
struct update {
  uint64_t planned_at : 60;
  uint64_t flags : 4;
};

struct ledger {
  struct update *updates;
  uint32_t count, room;
  uint32_t highest_notified, highest_accepted;
};

/* What must not happen, and what may but should be known. */
static struct {
  uint64_t lost;        /* answered 200 or 202, and neither it nor a later version ever came */
  uint64_t coalesced;   /* only a later version came: allowed */
  uint64_t duplicated;  /* came again */
  uint64_t reordered;   /* came after a later version of its channel */
  uint64_t unknown;     /* a channel or version that nobody PUT */
  uint64_t refused_but_notified;
  uint64_t unanswered;  /* the connection ended, or the run, before the PUT was answered */
  uint64_t owed_to_closed; /* accepted for a device whose connection has ended */
  uint64_t unsent;      /* open loop: planned in the window, but the server was too slow to send it */
  uint64_t closed_by_server, bad_messages, reopened_putters;
} faults;

static struct histogram answer_latency, notification_latency, ready_latency;
static uint64_t statuses[600];
static uint64_t puts_answered, rounds, last_progress_at;
/* Latencies of PUTs planned in this window count. */
static uint64_t window_from = UINT64_MAX, window_to = UINT64_MAX;

static bool is_in_window(uint64_t planned_at) { return planned_at >= window_from && planned_at < window_to; }

static uint32_t note_planned(struct ledger *ledger, uint64_t planned_at) {
  if (ledger->count == ledger->room) {
    ledger->room = ledger->room ? ledger->room * 2 : 64;
    ledger->updates = allocate(ledger->updates, ledger->room * sizeof(struct update));
  }
  ledger->updates[ledger->count++] = (struct update){.planned_at = planned_at};
  return ledger->count;
}

static void note_answered(struct ledger *ledger, uint32_t version, int status) {
  const bool accepted = status == 200 || status == 202;
  struct update *update = &ledger->updates[version - 1];
  update->flags |= accepted ? UPDATE_ACCEPTED : UPDATE_REFUSED;
  if (accepted && version > ledger->highest_accepted) ledger->highest_accepted = version;
  statuses[status]++;
  puts_answered++;
  last_progress_at = now;
  if (is_in_window(update->planned_at)) record(&answer_latency, now - update->planned_at);
}

static void note_notified(struct ledger *ledger, uint64_t version) {
  if (version < 1 || version > ledger->count) {
    faults.unknown++;
    return;
  }
  struct update *update = &ledger->updates[version - 1];
  if (update->flags & UPDATE_NOTIFIED) {
    faults.duplicated++;
    return;
  }
  update->flags |= UPDATE_NOTIFIED;
  if (version < ledger->highest_notified) faults.reordered++;
  else ledger->highest_notified = (uint32_t)version;
  rounds++;
  last_progress_at = now;
  if (is_in_window(update->planned_at)) record(&notification_latency, now - update->planned_at);
}

static void audit(const struct ledger *ledger, bool is_closed) {
  for (uint32_t version = 1; version <= ledger->count; version++) {
    const unsigned flags = ledger->updates[version - 1].flags;
    if (!(flags & (UPDATE_ACCEPTED | UPDATE_REFUSED))) faults.unanswered++;
    if ((flags & UPDATE_REFUSED) && (flags & UPDATE_NOTIFIED)) faults.refused_but_notified++;
    if (!(flags & UPDATE_ACCEPTED) || (flags & UPDATE_NOTIFIED)) continue;
    if (version < ledger->highest_notified) faults.coalesced++;
    else if (is_closed) faults.owed_to_closed++;
    else faults.lost++;
  }
}
