/** Types for the part of the library in use; the package has none. */
declare module 'fs-native-extensions' {
  /** Returns whether the lock on an open file was granted. Closing the file or the end of the process releases it. */
  export function tryLock(fd: number): boolean;
}
