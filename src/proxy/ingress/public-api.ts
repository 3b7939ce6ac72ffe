/** First segments of routes that OpenAI's public API has and the ChatGPT backend does not. */
const publicApi: ReadonlySet<string> = new Set([
  'assistants',
  'audio',
  'batches',
  'chat',
  'chatkit',
  'completions',
  'containers',
  'conversations',
  'dashboard',
  'edits',
  'embeddings',
  'engines',
  'evals',
  'files',
  'fine-tunes',
  'fine_tuning',
  'moderations',
  'organization',
  'threads',
  'uploads',
  'vector_stores',
  'videos',
]);

/** Whether a path below the base URL (without leading slash) can only be meant for OpenAI's public API. */
export function isOnlyInPublicApi(path: string): boolean {
  return publicApi.has(path.split('/', 1)[0] ?? '');
}
