import { describe, expect, it } from 'vitest';
import { openaiModels } from './openai-models.js';

const listOf = (json: unknown) => openaiModels(Buffer.from(JSON.stringify(json)));

describe('a list of models for clients of the public API', () => {
  it('names each model once, and keeps the backend’s own list', () => {
    const models = [{ slug: 'gpt-5.5', odd: 1.5 }, { slug: 'gpt-6' }, { slug: 'gpt-5.5' }];
    expect(listOf({ models, more: 1 })).toEqual({
      object: 'list',
      data: [
        { id: 'gpt-5.5', object: 'model', created: 0, owned_by: 'openai' },
        { id: 'gpt-6', object: 'model', created: 0, owned_by: 'openai' },
      ],
      models,
    });
  });

  it('leaves models without a name out of `data`', () => {
    const models = [null, 1, 'gpt-5.5', [], {}, { slug: null }, { slug: '' }, { slug: 5 }, { id: 'x' }];
    expect(listOf({ models })).toEqual({ object: 'list', data: [], models });
  });

  it.each([{}, { models: null }, { models: {} }, { data: [{ id: 'x' }] }])(
    'is empty if made of %j',
    (json) => {
      expect(listOf(json)).toEqual({ object: 'list', data: [], models: [] });
    },
  );

  it.each([null, 1, 'models', []])('cannot be made of %j', (json) => {
    expect(listOf(json)).toBeNull();
  });

  it.each(['', '{', '{"models":[', '<html>'])('cannot be made of the bytes %j', (text) => {
    expect(openaiModels(Buffer.from(text))).toBeNull();
  });
});
