/*
 * load-client: the load side of the bench (docs/benchmarks.md).
 *
 * It plays D devices, each with one channel, and N app servers, each with one keep-alive connection,
 * against a SimplePush server on this machine, checks what becomes of every update, and prints one
 * line of JSON on stdout; progress goes to stderr.
 *
 * It is C because it must outrun a server that does nearly nothing: of the 14 us which one round of
 * PUT, notification and ack costs such a server on one core, 11 are spent in the kernel, and this
 * side pays the kernel the same. So: one thread, one edge-triggered epoll; and on the path of a round
 * no allocation, no formatted printing, and no system call beyond two sends and two receives.
 *
 *   main      what happens in which order          wire      TCP connections, bytes in and out
 *   options   the command line                     json      reads members of messages
 *   clock     time, chance, giving up              ledger    what became of each update
 *   histogram latencies                            device    WebSocket: hello, register, ack
 *   usage     CPU time and memory from /proc       putter    HTTP: PUTs
 *   phases    connect, PUT, hold or storm, drain   result    the line of JSON
 */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS 1000000ull

enum { EXIT_MEASURED = 0, EXIT_RUN_FAILED = 1, EXIT_BAD_USAGE = 2 };

/* ------------------------------------------------------------------------------------- options */

enum { PIDS_MAX = 64, CORES_MAX = 16 };

enum mode { MODE_PUT, MODE_IDLE, MODE_STORM };

struct options {
  enum mode mode;
  const char *ws_url;
  int devices;
  int others; /* storm: of the devices, those that stay and are PUT to meanwhile; the first ones */
  int putters;
  double puts_per_sec; /* 0: closed loop, each connection PUTs as soon as it is answered */
  double warm_secs;
  double secs;
  double drain_secs;
  double stall_secs;
  double connect_secs;
  int connecting_max;
  int devices_per_address;
  int first_address;
  uint64_t seed;
  pid_t pids[PIDS_MAX];
  int pid_count;
  int cores[CORES_MAX];
  int core_count;
};

extern struct options options;

void read_options(int argc, char **argv);
__attribute__((noreturn)) void refuse_usage(const char *what, const char *detail);

/* --------------------------------------------------------------------------------------- clock */

/* The present, in ns. Set once per event: a call into the clock for each use would be noticed. */
extern uint64_t now;

void look_at_clock(void);
uint64_t client_cpu_ns(void);
uint64_t ns_of(double secs);

/* The next random number; `options.seed` decides them all. */
uint64_t chance(void);

/* Why the run ended before its time; empty while nothing is wrong. */
extern char why[200];

/* The first reason is the one that counts. */
__attribute__((format(printf, 1, 2))) void give_up(const char *format, ...);

/* Never NULL; ends the program instead. */
void *allocate(void *old, size_t bytes);
void *allocate_zeroed(size_t count, size_t bytes);

/* ----------------------------------------------------------------------------------- histogram */

enum { STEP_BITS = 7, STEPS = 1 << STEP_BITS, OCTAVES = 65 - STEP_BITS };

struct histogram {
  uint64_t count;
  uint64_t max;
  double sum;
  uint64_t buckets[OCTAVES * STEPS];
};

void record(struct histogram *h, uint64_t ns);
/* Off by 0.4 % at most. */
uint64_t percentile(const struct histogram *h, double share);

/* --------------------------------------------------------------------------------------- usage */

struct memory { long total, anon, file, shared; /* KiB */ };

/* What one process had used at one moment. */
struct usage {
  uint64_t cpu_ticks;
  struct memory memory;
};

/* Everything that is compared between two moments. */
struct snapshot {
  uint64_t at;
  uint64_t client_cpu_ns;
  uint64_t client_wait_ns; /* ready to run, but without a core */
  uint64_t core_ticks;     /* busy, of the cores in use here */
  uint64_t stolen_ticks;   /* taken from them by the hypervisor */
  uint64_t answers, rounds;
  struct usage usage[PIDS_MAX];
};

/* Of the server's processes, in the order of `options.pids`. */
extern char process_names[PIDS_MAX][32];

/* False when a process of the server does not run. */
bool read_snapshot(struct snapshot *s);
bool is_server_alive(void);
double ms_per_tick(void);
double server_cpu_ms(const struct snapshot *from, const struct snapshot *to);

/* ---------------------------------------------------------------------------------------- wire */

/* Bytes that wait: for the rest of a message, or for room in the kernel. Empty almost always. */
struct leftover {
  char *bytes;
  size_t length;
};

enum wire_kind { WIRE_DEVICE, WIRE_PUTTER };

/* One TCP connection; the first member of a device and of a putter. */
struct wire {
  int fd; /* -1: closed */
  enum wire_kind kind;
  bool is_connecting;
  struct leftover in, out;
};

/* A place on this machine: where a URL points. */
struct place {
  struct sockaddr_in address;
  char host[64]; /* host:port, for the Host header */
  char path[512];
};

/* NULL, or what is wrong with the URL: it may name nothing but this machine. */
const char *read_url(const char *scheme, const char *url, size_t length, struct place *place);

void open_epoll(void);
/* `from` 0 lets the kernel choose. Failures beyond this call arrive as events. */
void open_wire(struct wire *wire, const struct sockaddr_in *to, in_addr_t from);
void close_wire(struct wire *wire, const char *reason);
void send_bytes(struct wire *wire, const char *bytes, size_t length);
/* Handles what has happened, or waits for it, but not beyond `until`. */
void wait_for_events(uint64_t until);

/* ---------------------------------------------------------------------------------------- json */

/* A part of a message; `at` NULL: there is none. */
struct text {
  const char *at, *end;
};

bool text_is(struct text text, const char *expected);
const char *skip_blanks(const char *at, const char *end);
/* The value of a member, as it is written, whatever the order and the spacing. */
struct text member_of(struct text object, const char *name);
/* The next element of an array; `*cursor` starts as the array's text. */
struct text next_element(struct text *cursor);
/* The inside of a string without escapes: what is read here (ids, URLs) has none. */
struct text string_of(struct text value);
/* UINT64_MAX when it is none. */
uint64_t whole_number_of(struct text value);

/* These write without a final NUL and return the end. */
char *put_text(char *to, const char *text, size_t length);
char *put_number(char *to, uint64_t number);
#define PUT_LITERAL(to, literal) put_text(to, literal, sizeof(literal) - 1)

/* -------------------------------------------------------------------------------------- ledger */

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
struct faults {
  uint64_t lost;                 /* answered 200 or 202, but neither it nor a later version came */
  uint64_t skipped;              /* as lost, but a later version came: the device will not miss it */
  uint64_t duplicated;           /* came again */
  uint64_t reordered;            /* came after a later version of its channel */
  uint64_t unknown;              /* a channel or version that nobody PUT */
  uint64_t refused_but_notified; /* answered otherwise, and came nevertheless */
  uint64_t unanswered;           /* the connection or the run ended before the answer */
  uint64_t owed_to_closed;       /* accepted for a device whose connection has ended since */
  uint64_t unsent;               /* open loop: due in the window, but no connection was ever free */
  uint64_t closed_by_server;     /* devices */
  uint64_t bad_messages;         /* not understood here */
  uint64_t reopened;             /* connections for PUTs that the server had closed */
};

extern struct faults faults;
extern struct histogram answer_latency, notification_latency;
extern uint64_t statuses[600];
extern uint64_t answers, rounds, last_progress_at;
/* Latencies count of the PUTs that were planned within. */
extern uint64_t window_from, window_to;

bool is_in_window(uint64_t planned_at);
/* Returns the version. */
uint32_t note_planned(struct ledger *ledger, uint64_t planned_at);
void note_answered(struct ledger *ledger, uint32_t version, int status);
void note_notified(struct ledger *ledger, uint64_t version);
/* Once, at the end: counts what is missing. */
void audit(const struct ledger *ledger, bool is_closed);

/* -------------------------------------------------------------------------------------- device */

enum device_state {
  DEVICE_UPGRADING,
  DEVICE_GREETING,
  DEVICE_REGISTERING,
  DEVICE_CATCHING_UP, /* came back, and waits for what is pending */
  DEVICE_READY,
  DEVICE_AWAY, /* left by itself, to come back */
  DEVICE_CLOSED,
};

struct device {
  struct wire wire;
  enum device_state state;
  bool has_put_under_way;
  char channel_id[37];
  char device_id[37]; /* storm: as the server gave it; empty before the first hello */
  uint64_t opened_at;
  char *put_head; /* of every PUT of this channel, up to the length of its body */
  size_t put_head_length;
  struct ledger ledger;
};

extern struct place server;
extern struct place endpoint; /* of all channels */
extern struct device *devices;
extern int devices_ready, devices_failed;
/* Why the first device ended that did; empty while all live. */
extern char first_device_end[80];
extern struct histogram ready_latency;

void prepare_devices(void);
/* Connects, says hello and registers; one that was away says hello and waits for what is pending. */
void open_device(struct device *device);
/* Ends the connection without a word, as a network does. */
void leave_device(struct device *device);
void on_device_open(struct device *device);
void on_device_closed(struct device *device, const char *reason);
/* Takes one message off the front: its length, 0 when it is not complete, -1 after closing the wire. */
ssize_t on_device_bytes(struct device *device, const char *bytes, size_t length);

/* -------------------------------------------------------------------------------------- putter */

/* One app server: a keep-alive connection with at most one PUT under way. */
struct putter {
  struct wire wire;
  bool is_in_ring;
  struct device *device; /* NULL: no PUT under way */
  uint32_t version;
  uint64_t reopen_at; /* 0: is open or opening */
};

extern struct putter *putters;

void open_putters(void);
/* From now on `count` devices from `first` have their turns. */
void put_to(struct device *first, int count);
/* Those that the server closed, after a short while. */
void reopen_putters(void);
/* False when no connection or no channel is free. */
bool send_put(uint64_t planned_at);
bool is_any_put_under_way(void);
void on_putter_open(struct putter *putter);
void on_putter_closed(struct putter *putter);
/* As on_device_bytes. */
ssize_t on_putter_bytes(struct putter *putter, const char *bytes, size_t length);

/* ---------------------------------------------------------------------------- phases and result */

extern struct snapshot at_start, at_connected, at_window_from, at_window_to, at_end;

void connect_devices(void);
void measure_puts(void);
void hold_devices(void);
/* All but the others leave, are PUT to, and come back at once, while the others are PUT to. */
void measure_storm(void);
void print_result(void);

#endif
