/** The kernel's lock on an open file; `tryLock` returns whether it was granted. */
export interface KernelLock {
  readonly tryLock: (fd: number) => boolean;
}

/**
 * Loads the kernel's lock, which always ends with the process that holds it. The binary exists for glibc, macOS and
 * Windows; elsewhere (musl, other processors) returns the error of loading it.
 */
export async function loadKernelLock(): Promise<KernelLock | { readonly fault: unknown }> {
  try {
    const { tryLock } = await import('fs-native-extensions');
    return { tryLock: (fd) => tryLock(fd) };
  } catch (fault) {
    return { fault };
  }
}
