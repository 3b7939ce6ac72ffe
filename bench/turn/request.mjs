import { randomUUID } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { madeUpText, variedText } from './text.mjs';

const SESSIONS = 20;
/** Sizes of the requests, before compression. */
export const requestBytes = { turn: 43_010, large: 400_000, tiny: 300, huge: 16_000_000, zstd: 400_000 };

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

/** The JSON of a first turn, with the shape of a real one, padded to `bytes`. */
function turnBody(sessionId, bytes, textOf = madeUpText) {
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
  body.input[0].content[0].text = textOf(bytes - Buffer.byteLength(JSON.stringify(body)));
  return body;
}

function tinyBody(sessionId) {
  const body = { model: 'gpt-5.5', stream: true, input: [message('user', '')], prompt_cache_key: sessionId };
  body.input[0].content[0].text = madeUpText(requestBytes.tiny - Buffer.byteLength(JSON.stringify(body)));
  return body;
}

const json = (body) => Buffer.from(JSON.stringify(body));

const bodies = {
  turn: (id) => json(turnBody(id, requestBytes.turn)),
  large: (id) => json(turnBody(id, requestBytes.large)),
  tiny: (id) => json(tinyBody(id)),
  huge: (id) => json(turnBody(id, requestBytes.huge)),
  zstd: (id) => zstdCompressSync(json(turnBody(id, requestBytes.zstd, variedText))),
};

/** The message of a turn on a WebSocket. */
export const turnMessage = (id) =>
  JSON.stringify({ type: 'response.create', ...turnBody(id, requestBytes.turn) });

/** The header fields of a turn (docs/protocol.md, section 3), without those of its body. */
export function sessionHeaders(login, id) {
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
  return {
    'x-codex-beta-features': 'remote_compaction_v2',
    'x-codex-window-id': `${id}:0`,
    'x-codex-turn-metadata': JSON.stringify(metadata),
    'x-client-request-id': id,
    'session-id': id,
    'thread-id': id,
    authorization: `Bearer ${login.tokens.access_token}`,
    'chatgpt-account-id': login.tokens.account_id,
    originator: 'codex_exec',
    'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)',
  };
}

/** A request of one session; `kind` is a key of `requestBytes`. */
export function turnRequest(login, kind, id) {
  const body = bodies[kind](id);
  const headers = {
    ...sessionHeaders(login, id),
    accept: 'text/event-stream',
    'content-type': 'application/json',
    ...(kind === 'zstd' ? { 'content-encoding': 'zstd' } : {}),
    'content-length': String(body.length),
  };
  return { headers, body };
}

/** The requests of a few sessions; one of 16 MB, since each is kept in memory. */
export function turnRequests(login, kind) {
  const length = kind === 'huge' ? 1 : SESSIONS;
  return Array.from({ length }, () => turnRequest(login, kind, randomUUID()));
}
