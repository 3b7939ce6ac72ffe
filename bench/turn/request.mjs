import { randomUUID } from 'node:crypto';

const REQUEST_BYTES = 43_010;
const ANSWER_BYTES = 90_000;
const SESSIONS = 20;

const words =
  'the proxy reads a request and sends it on while words of a response stream back to the client that asked'.split(
    ' ',
  );

/** Meaningless text, the same in every run. */
function madeUpText(bytes) {
  let text = '';
  for (let index = 0; text.length < bytes; index += 1)
    text += `${words[(index * 7 + (index >> 3)) % words.length]} `;
  return text.slice(0, bytes);
}

const message = (role, text) => ({ type: 'message', role, content: [{ type: 'input_text', text }] });

function tool(index) {
  const parameters = {
    type: 'object',
    properties: {
      path: { type: 'string', description: madeUpText(200) },
      limit: { type: 'number', description: madeUpText(120) },
    },
    required: ['path'],
    additionalProperties: false,
  };
  return { type: 'function', name: `tool_${index}`, description: madeUpText(600), strict: false, parameters };
}

/** The JSON of a first turn, with the size and shape of a real one. */
export function requestBody(sessionId) {
  const body = {
    model: 'gpt-5.5',
    stream: true,
    input: [message('developer', ''), message('user', madeUpText(4_000)), message('user', 'Say something.')],
    tools: Array.from({ length: 12 }, (_, index) => tool(index)),
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: sessionId,
    text: { verbosity: 'low' },
  };
  const missing = REQUEST_BYTES - Buffer.byteLength(JSON.stringify(body));
  body.input[0].content[0].text = madeUpText(missing);
  return Buffer.from(JSON.stringify(body));
}

/** A few sessions with their requests, made once, with the header fields of a turn (docs/protocol.md, section 3). */
export function turns(login) {
  return Array.from({ length: SESSIONS }, () => {
    const id = randomUUID();
    const turnId = randomUUID();
    const metadata = {
      installation_id: randomUUID(),
      session_id: id,
      thread_id: id,
      agent_name: '/root',
      turn_id: turnId,
      window_id: `${id}:0`,
      window_number: 0,
      context_window_id: randomUUID(),
      request_kind: 'turn',
      history_initialization: 'new',
      root_turn_id: turnId,
      thread_source: 'user',
      turn_trigger: 'exec',
      sandbox: 'seccomp',
      sandbox_mode: 'read-only',
      auto_review_enabled: false,
      node_repl_disabled: false,
      turn_started_at_unix_ms: Date.now(),
      analytics_enabled: true,
      model: 'gpt-5.5',
      reasoning_effort: 'medium',
    };
    const body = requestBody(id);
    const headers = {
      'x-codex-beta-features': 'remote_compaction_v2',
      'x-codex-window-id': `${id}:0`,
      'x-codex-turn-metadata': JSON.stringify(metadata),
      'x-client-request-id': id,
      'session-id': id,
      'thread-id': id,
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${login.tokens.access_token}`,
      'chatgpt-account-id': login.tokens.account_id,
      originator: 'codex_exec',
      'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)',
      'content-length': String(body.length),
    };
    return { headers, body };
  });
}

const framed = (event) => Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);

function delta(index) {
  return framed({
    type: 'response.output_text.delta',
    content_index: 0,
    delta: ` ${words[index % words.length]}`,
    item_id: 'msg_made_up_0a1b2c3d4e5f60718293a4b5c6d7e8f9',
    logprobs: [],
    obfuscation: 'madeupmade',
    output_index: 1,
    sequence_number: index + 4,
  });
}

/** The events of a response with this many pieces of text, one buffer each. */
export function responseEvents(deltas) {
  const response = { id: 'resp_made_up', object: 'response', status: 'in_progress', output: [] };
  const item = { type: 'message', id: 'msg_made_up', role: 'assistant', status: 'in_progress', content: [] };
  const usage = {
    input_tokens: 10_500,
    input_tokens_details: { cached_tokens: 9_000 },
    output_tokens: deltas,
    output_tokens_details: { reasoning_tokens: 64 },
    total_tokens: 10_500 + deltas,
  };
  const content = [{ type: 'output_text', text: madeUpText(deltas * 5), annotations: [] }];
  return [
    framed({ type: 'response.created', sequence_number: 0, response }),
    framed({ type: 'response.in_progress', sequence_number: 1, response }),
    framed({ type: 'response.output_item.added', sequence_number: 2, output_index: 1, item }),
    ...Array.from({ length: deltas }, (_, index) => delta(index)),
    framed({
      type: 'response.output_item.done',
      output_index: 1,
      item: { ...item, status: 'completed', content },
    }),
    framed({ type: 'response.completed', response: { ...response, status: 'completed', usage } }),
  ];
}

export const sizeOf = (events) => events.reduce((sum, it) => sum + it.length, 0);

/** A response of about 90 KB. */
export function wholeResponse() {
  const few = sizeOf(responseEvents(100));
  const perDelta = (sizeOf(responseEvents(200)) - few) / 100;
  return responseEvents(100 + Math.round((ANSWER_BYTES - few) / perDelta));
}
