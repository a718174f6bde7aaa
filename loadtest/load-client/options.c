/* The command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load-client.h"

/* Loopback addresses 127.0.0.1 to 127.0.255.255 are enough for any number of devices. */
enum { ADDRESSES_MAX = 65535 };

struct options options = {
  .devices = 1000,
  .others = 100,
  .putters = 64,
  .warm_secs = 1,
  .secs = 5,
  .drain_secs = 3,
  .stall_secs = 5,
  .connect_secs = 60,
  .connecting_max = 128,
  /* One address has some 28,000 free ports towards one server; long before they run out, the
     kernel's search for a free one is what would be measured. */
  .devices_per_address = 5000,
  .first_address = 1,
  .seed = 1,
};

static const char USAGE[] =
  "usage: load-client put|idle|storm --ws URL [options]\n"
  "  put   PUT, notification, ack: how many, how fast, and what became of every update\n"
  "  idle  connected devices that do nothing: the server's memory\n"
  "  storm devices that left come back at once, an update pending for each; others are PUT to meanwhile\n"
  "  --ws URL             the server's WebSocket URL; only addresses of this machine\n"
  "  --devices N          devices, one channel each (1000)\n"
  "  --others N           storm: those of the devices that stay and are PUT to (100)\n"
  "  --puts N             connections that PUT (64)\n"
  "  --rate R             PUTs per second, open loop; 0 is closed loop, and none in a storm (0)\n"
  "  --warm S             seconds of load before the measured window (1)\n"
  "  --secs S             seconds of the measured window, or of holding idle devices (5)\n"
  "  --drain S            longest wait for what is still owed at the end (3)\n"
  "  --stall S            give up when nothing was answered for this long (5)\n"
  "  --connect-secs S     give up when the devices are not ready by then (60)\n"
  "  --connecting N       devices that connect at the same time (128)\n"
  "  --per-address N      devices per source address 127.0.x.y (5000)\n"
  "  --first-address N    the first of these addresses (1: 127.0.0.1)\n"
  "  --seed N             decides channel IDs, masks and the order of the channels (1)\n"
  "  --pid N              a process of the server, may be repeated: its CPU time and memory\n"
  "  --core N             a core in use here, may be repeated: what strangers took of it\n";

void refuse_usage(const char *what, const char *detail) {
  fprintf(stderr, "load-client: %s%s\n%s", what, detail, USAGE);
  exit(EXIT_BAD_USAGE);
}

/* What an option sets: one of the two kinds of number, within bounds. */
struct numeric {
  const char *name;
  int *whole;
  double *real;
  double least, most;
};

static int pid, core;
static double seed = 1;

static const struct numeric NUMERICS[] = {
  {"devices", &options.devices, NULL, 1, 1000000},
  {"others", &options.others, NULL, 1, 1000000},
  {"puts", &options.putters, NULL, 1, 10000},
  {"rate", NULL, &options.puts_per_sec, 0, 1e7},
  {"warm", NULL, &options.warm_secs, 0, 3600},
  {"secs", NULL, &options.secs, 0.1, 3600},
  {"drain", NULL, &options.drain_secs, 0, 600},
  {"stall", NULL, &options.stall_secs, 0.1, 600},
  {"connect-secs", NULL, &options.connect_secs, 0.1, 3600},
  {"connecting", &options.connecting_max, NULL, 1, 10000},
  {"per-address", &options.devices_per_address, NULL, 1, 28000},
  {"first-address", &options.first_address, NULL, 1, ADDRESSES_MAX},
  {"seed", NULL, &seed, 0, 9007199254740991.0},
  {"pid", &pid, NULL, 1, 4194304},
  {"core", &core, NULL, 0, 4095},
};

enum { NUMERICS_COUNT = sizeof NUMERICS / sizeof NUMERICS[0], WS_OPTION = NUMERICS_COUNT };

static void set_numeric(const struct numeric *numeric, const char *text) {
  char *end;
  errno = 0;
  const double value = strtod(text, &end);
  const bool is_number = errno == 0 && end != text && *end == '\0';
  if (!is_number || !(value >= numeric->least && value <= numeric->most))
    refuse_usage("not a possible value: --", numeric->name);
  if (numeric->whole) *numeric->whole = (int)value;
  else *numeric->real = value;
}

/* `--pid` and `--core` may be repeated: each is taken over as it is met. */
static void collect_repeated(const struct numeric *numeric) {
  const bool is_pid = numeric->whole == &pid, is_core = numeric->whole == &core;
  if (is_pid && options.pid_count == PIDS_MAX) refuse_usage("too many: --", "pid");
  if (is_core && options.core_count == CORES_MAX) refuse_usage("too many: --", "core");
  if (is_pid) options.pids[options.pid_count++] = (pid_t)pid;
  if (is_core) options.cores[options.core_count++] = core;
}

static enum mode mode_of(const char *word) {
  if (strcmp(word, "idle") == 0) return MODE_IDLE;
  if (strcmp(word, "storm") == 0) return MODE_STORM;
  if (strcmp(word, "put") != 0) refuse_usage("the mode is put, idle or storm", "");
  return MODE_PUT;
}

void read_options(int argc, char **argv) {
  struct option known[NUMERICS_COUNT + 2] = {[WS_OPTION] = {"ws", required_argument, NULL, WS_OPTION}};
  for (int i = 0; i < NUMERICS_COUNT; i++)
    known[i] = (struct option){NUMERICS[i].name, required_argument, NULL, i};
  int which;
  opterr = 0;
  while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
    if (which == '?') refuse_usage("unknown or incomplete option: ", argv[optind - 1]);
    if (which == WS_OPTION) {
      options.ws_url = optarg;
      continue;
    }
    set_numeric(&NUMERICS[which], optarg);
    collect_repeated(&NUMERICS[which]);
  }
  options.seed = (uint64_t)seed;
  options.mode = mode_of(optind == argc - 1 ? argv[optind] : "");
  if (!options.ws_url) refuse_usage("--ws is missing", "");
  if (options.first_address + options.devices / options.devices_per_address > ADDRESSES_MAX)
    refuse_usage("too many source addresses: raise --per-address", "");
  if (options.mode == MODE_STORM && options.others >= options.devices)
    refuse_usage("no device is left to come back: lower --others", "");
}
