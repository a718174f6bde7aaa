/* What happens in which order. load-client.h says what for. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "load-client.h"

/* Standard streams, epoll, and the files of /proc. */
enum { OTHER_DESCRIPTORS = 16 };

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  const rlim_t needed = (rlim_t)(options.devices + options.putters + OTHER_DESCRIPTORS);
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < needed) {
    fprintf(stderr, "load-client: needs %lu file descriptors, the limit (ulimit -Hn) is %lu\n",
            (unsigned long)needed, (unsigned long)limit.rlim_max);
    exit(EXIT_RUN_FAILED);
  }
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void measure(void) {
  switch (options.mode) {
    case MODE_PUT:
      measure_puts();
      return;
    case MODE_IDLE:
      hold_devices();
      return;
    case MODE_STORM:
      measure_storm();
      return;
  }
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  const char *wrong = read_url("ws://", options.ws_url, strlen(options.ws_url), &server);
  if (wrong) refuse_usage("--ws is ", wrong);
  raise_descriptor_limit();
  /* Never outlives the bench that started it. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Timers fire when they are due: by default the kernel may be 50 us late. */
  prctl(PR_SET_TIMERSLACK, 1000ul);
  open_epoll();
  prepare_devices();
  if (!read_snapshot(&at_start)) give_up("a process named by --pid does not run");
  connect_devices();
  read_snapshot(&at_connected);
  if (!why[0]) measure();
  if (!read_snapshot(&at_end)) give_up("the server has died");
  for (int i = 0; i < options.devices; i++)
    audit(&devices[i].ledger, devices[i].state != DEVICE_READY);
  print_result();
  return why[0] ? EXIT_RUN_FAILED : EXIT_MEASURED;
}
