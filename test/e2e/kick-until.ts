import { within } from '../support/within.ts';

/** Longest wait for what should come soon, on a busy machine. */
const WAIT_MS_MAX = 10_000;
/** Seldom enough to leave the processor to those who are waited for. */
const LOOK_EVERY_MS = 20;

/** Resolves once `isSo`, which is asked again and again; fails in words after `waitMsMax`. */
export function until(
  wanted: string,
  isSo: () => boolean | Promise<boolean>,
  waitMsMax = WAIT_MS_MAX,
): Promise<void> {
  let isOver = false;
  const ask = async () => {
    while (!isOver && !(await isSo())) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  };
  return within(ask(), { wanted, waitMsMax }).finally(() => {
    isOver = true;
  });
}
