/** Waits for a task that goes on without us: null as soon as the client has left. */
export async function untilAborted<T>(task: Promise<T>, gone: AbortSignal): Promise<T | null> {
  if (gone.aborted) {
    task.catch(() => undefined); // it reports its own faults; nobody here is left to hear them
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
