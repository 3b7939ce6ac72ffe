import { accountAnswers } from './account-answers.js';
import { adminRequests } from './admin-requests.js';
import type { BatchKind } from './batch.js';
import { clientFrames } from './client-frames.js';
import { eventListeners } from './event-listeners.js';
import { operatorQueries } from './operator-queries.js';
import { poolFiles } from './pool-files.js';
import { rawClients } from './raw-clients.js';
import { upstreamAnswers } from './upstream-answers.js';
import { upstreamFrames } from './upstream-frames.js';

/** The kinds of batches, in the order in which they take turns. */
export const kinds: readonly [BatchKind, ...BatchKind[]] = [
  rawClients,
  upstreamAnswers,
  clientFrames,
  upstreamFrames,
  accountAnswers,
  adminRequests,
  operatorQueries,
  eventListeners,
  poolFiles,
];
