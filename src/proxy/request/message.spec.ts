import { describe, expect, it } from 'vitest';
import { messageType, turnStartIn } from './message.js';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('the type of a message', () => {
  it.each([
    ['{"type":"response.created","x":1}', 'response.created'],
    [' \n{ "type" :\t"error" }', 'error'],
    ['{"response":{"type":"inner"},"type":"response.completed"}', 'response.completed'],
    ['{"type":"response.\\u0063reated"}', 'response.created'],
    [`{"type":"response.create","input":"${'x'.repeat(200_000)}"}`, 'response.create'],
    ['{"type":"cut off in the mid', null],
    ['{"type":7}', null],
    ['{"response":{"type":"inner"}}', null],
    ['["type"]', null],
    ['"type"', null],
    ['', null],
  ])('of %.60s', (text, type) => {
    expect(messageType(bytes(text))).toBe(type);
  });

  it('is found at the end of a large message', () => {
    const text = `{"input":[{"type":"message","text":"${'x'.repeat(70_000)}"}],"type":"response.create"}`;
    expect(messageType(bytes(text))).toBe('response.create');
  });
});

describe('a response.create', () => {
  it.each([
    ['{"type":"response.create","input":[]}', true],
    ['{"previous_response_id":null,"input":[]}', true],
    ['{"input":["\\"previous_response_id\\":\\"resp_1\\""]}', true],
    ['{"previous_response_id":"resp_1"}', false],
    ['{"previous_response_id" : "resp_1"}', false],
    ['{"tools":[{"previous_response_id":{"type":"string"}}],"previous_response_id":"resp_1"}', false],
    ['{"tools":[{"previous_response_id":"resp_1"}]}', true],
    ['{"required":["previous_response_id"],"previous_response_id":"resp_1"}', false],
  ])('%s is whole: %s', (text, isWhole) => {
    expect(turnStartIn(bytes(text)).isWhole).toBe(isWhole);
  });

  it.each([
    ['{"type":"response.create","generate":false}', true],
    ['{"type":"response.create","generate":true}', false],
    ['{"type":"response.create","input":[]}', false],
    ['{"tools":[{"generate":false}]}', false],
    ['{"input":["\\"generate\\":false"]}', false],
  ])('%s is a prewarm: %s', (text, isPrewarm) => {
    expect(turnStartIn(bytes(text)).isPrewarm).toBe(isPrewarm);
  });

  it.each([
    ['{"model":"gpt-5.5","reasoning":{"effort":"high","summary":"auto"}}', 'gpt-5.5', 'high'],
    ['{"model": "m", "input":[{"type":"reasoning"}], "reasoning": { "effort": "low" }}', 'm', 'low'],
    ['{"instructions":"\\"model\\":\\"x\\"","reasoning":null}', null, null],
    [`{"instructions":"${'x'.repeat(2_000)}","model":"m"}`, 'm', null],
  ])('names its model and effort: %s', (text, model, effort) => {
    expect(turnStartIn(bytes(text))).toMatchObject({ model, effort });
  });
});
