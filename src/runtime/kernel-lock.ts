/** The system's own lock on an open file: whether it was granted. */
export interface KernelLock {
  readonly tryLock: (fd: number) => boolean;
}

/**
 * Loads the system's own lock, which ends with the process that holds it, however that dies. Its binary is made for
 * glibc, macOS and Windows; elsewhere (musl, other processors) the result is the fault of loading it.
 */
export async function loadKernelLock(): Promise<KernelLock | { readonly fault: unknown }> {
  try {
    const { tryLock } = await import('fs-native-extensions');
    return { tryLock: (fd) => tryLock(fd) };
  } catch (fault) {
    return { fault };
  }
}
