static void raise_descriptor_limit(void) {
  struct rlimit limit;
  /* Standard streams, epoll, and files of /proc come on top. */
  const rlim_t needed = (rlim_t)options.devices + (rlim_t)options.putters + 16;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < needed) {
    fprintf(stderr, "load-client: %lu file descriptors are needed, the limit (ulimit -Hn) is %lu\n",
            (unsigned long)needed, (unsigned long)limit.rlim_max);
    exit(EXIT_RUN_FAILED);
  }
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void prepare(void) {
  const char *wrong = read_url("ws://", options.ws_url, strlen(options.ws_url), &server);
  if (wrong) refuse_usage("--ws: ", wrong);
  snprintf(upgrade_request, sizeof upgrade_request,
           "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZC1jbGllbnQtMDAwMA==\r\n"
           "Sec-WebSocket-Protocol: push-notification\r\n\r\n",
           server.path, server.host);
  raise_descriptor_limit();
  /* Never outlives the bench that started it. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Timers fire when they are due: the default would let each PUT be 50 us late. */
  prctl(PR_SET_TIMERSLACK, 1000);
  chance_state = options.seed;
  for (int i = 0; i < options.pid_count; i++) processes[i].pid = options.pids[i];
  devices = calloc((size_t)options.devices, sizeof *devices);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (!devices || epoll_fd < 0) {
    fprintf(stderr, "load-client: cannot start: %s\n", strerror(errno));
    exit(EXIT_RUN_FAILED);
  }
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  prepare();
  if (!read_snapshot(&at_start)) give_up("a process named by --pid does not run");
  connect_devices();
  read_snapshot(&at_connected);
  if (!why[0] && options.idle) hold_devices();
  else if (!why[0]) measure_puts();
  if (!read_snapshot(&at_end)) give_up("the server has died");
  for (int i = 0; i < options.devices; i++) audit(&devices[i].ledger, devices[i].state != DEVICE_READY);
  print_result();
  return why[0] ? EXIT_RUN_FAILED : EXIT_MEASURED;
}
