import { Durations } from './histograms.ts';

/** Numbers of one second or one phase. */
export class Meter {
  due = 0;
  sent = 0;
  answered = 0;
  accepted = 0;
  arrived = 0;
  errors = 0;
  unsent = 0;
  backlogMs = 0;
  readonly fromDue = new Durations();
  readonly fromSend = new Durations();
  readonly answerFromDue = new Durations();
}
