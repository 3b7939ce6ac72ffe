// The bench's load, in a separate process: runs tasks and reports the results.
import { finishStreams, holdStreams, openStreams, releaseStreams } from './http-streams.mjs';
import { closePages, openPages } from './pages.mjs';
import { checkBytes, runRefusedTurns, runTurns } from './http-turns.mjs';
import { runSocketTurns } from './socket-turns.mjs';

const tasks = {
  runTurns,
  runRefusedTurns,
  checkBytes,
  openStreams,
  finishStreams,
  holdStreams,
  releaseStreams,
  openPages,
  closePages,
  runSocketTurns,
};

async function serve({ task, ...order }) {
  try {
    process.send({ result: await tasks[task](order) });
  } catch (error) {
    process.send({ failure: error.message });
  }
}

process.on('message', (message) => void serve(message));
process.once('disconnect', () => process.exit(0));
