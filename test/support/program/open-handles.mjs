import { readdirSync, readlinkSync } from 'node:fs';

/** Open file descriptors of this process by target; sockets and pipes of any number count as one target. */
export function openHandles() {
  const counts = {};
  for (const fd of readdirSync('/proc/self/fd')) {
    const target = targetOf(fd);
    if (target !== null) counts[target] = (counts[target] ?? 0) + 1;
  }
  return counts;
}

function targetOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '');
  } catch {
    return null; // the descriptor of this very listing
  }
}
