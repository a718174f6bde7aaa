/** A role's end of the channel to its supervisor. */
import { unreachable } from '../assert.ts';
import type { Log } from '../log.ts';
import type { ParentChannel, ProcessIo } from './command-io.ts';
import type { RunningRole } from './role.ts';
import { stopAndExit } from './stop-on-signal.ts';
import { type Answer, type FromRole, parseToRole, type Topic } from './supervisor-messages.ts';

const EXIT_CODE_ORPHANED = 1;

/** The supervisor as a role sees it. */
export interface SupervisorLink {
  /** Reports that the role is ready, and answers from now on. Call it once. */
  serve(role: RunningRole, log: Log): void;
}

/**
 * Ties the process to its supervisor: it ends at once when the supervisor is gone, without draining, because its ports must be free for
 * the next start (uWebSockets.js shares them silently with whoever comes). Signals do nothing: a terminal sends them to all
 * processes of the group, and it is the supervisor that says who stops when.
 */
export function attachToSupervisor(parent: ParentChannel, io: ProcessIo): SupervisorLink {
  let running: { readonly role: RunningRole; readonly log: Log } | undefined;
  parent.onGone(() => io.exit(EXIT_CODE_ORPHANED));
  io.onStopSignal(() => {});
  parent.onMessage((value) => {
    const message = parseToRole(value);
    if (message === undefined) return;
    switch (message.type) {
      case 'ask':
        if (running !== undefined) void answer(message.topic, running.role, parent);
        return;
      case 'stop':
        // Nothing was promised to anybody by a role that is not ready.
        if (running === undefined) io.exit(0);
        else void stopAndExit(running.role, running.log, io);
        return;
      default:
        return unreachable(message);
    }
  });
  return {
    serve(role, log) {
      running = { role, log };
      send(parent, { type: 'ready', urls: role.urls, ports: role.ports ?? {} });
    },
  };
}

/** Never rejects. */
async function answer(topic: Topic, role: RunningRole, parent: ParentChannel): Promise<void> {
  send(
    parent,
    await answerOf(topic, role).catch((): Answer => ({ type: 'answer', topic, value: undefined })),
  );
}

async function answerOf(topic: Topic, role: RunningRole): Promise<Answer> {
  switch (topic) {
    case 'health':
      return { type: 'answer', topic, value: role.health() };
    case 'status':
      return { type: 'answer', topic, value: await role.status() };
    case 'metrics':
      return { type: 'answer', topic, value: await role.metrics() };
    default:
      return unreachable(topic);
  }
}

function send(parent: ParentChannel, message: FromRole): void {
  parent.send(message);
}
