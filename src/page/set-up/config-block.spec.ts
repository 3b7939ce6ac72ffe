import { expect, it } from 'vitest';
import { configBlock, configNote } from './config-block.js';

const origin = 'http://127.0.0.1:8989';

it('the two keys point turns and everything else at the pool', () => {
  expect(configBlock('keys', origin)).toBe(
    'openai_base_url = "http://127.0.0.1:8989/v1"\nchatgpt_base_url = "http://127.0.0.1:8989/backend-api"\n',
  );
});

it('a provider is not named OpenAI, since Codex would bypass the pool', () => {
  const block = configBlock('provider', origin);
  expect(block).toContain('model_provider = "codex-pool"');
  expect(block).not.toMatch(/name = "OpenAI"|backend-api\/codex/);
  expect(configNote('provider')).not.toBe(configNote('keys'));
});
