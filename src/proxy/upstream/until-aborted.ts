/** Waits for a task that continues regardless; resolves with null as soon as the client has left. */
export async function untilAborted<T>(task: Promise<T>, gone: AbortSignal): Promise<T | null> {
  if (gone.aborted) {
    task.catch(() => undefined); // the task reports its own faults; this caller no longer waits
    return null;
  }
  const left = Promise.withResolvers<null>();
  const onGone = () => left.resolve(null);
  gone.addEventListener('abort', onGone, { once: true });
  try {
    return await Promise.race([task, left.promise]);
  } finally {
    gone.removeEventListener('abort', onGone);
  }
}
