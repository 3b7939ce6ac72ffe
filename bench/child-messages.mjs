import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts a helper process of the bench, which ends when its channel closes. */
export function helper(file) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** Resolves with the next message of a process; fails if it ends first. */
export function nextMessage(child) {
  return new Promise((resolve, reject) => {
    const onExit = (code) => reject(new Error(`a bench process ended with code ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}

/** Sends an order to a process and resolves with its response. */
export async function ask(child, order) {
  const responded = nextMessage(child);
  child.send(order);
  return await responded;
}
