/** The promise's value, or a failure in words when that takes longer than `waitMsMax`. `wanted` names it. */
export async function within<T>(
  promise: Promise<T>,
  { wanted, waitMsMax }: { readonly wanted: string; readonly waitMsMax: number },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    const onOverdue = () => reject(new Error(`waited ${waitMsMax} ms for ${wanted}`));
    timer = setTimeout(onOverdue, waitMsMax);
  });
  try {
    return await Promise.race([promise, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
