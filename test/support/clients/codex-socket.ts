import { aTurn } from '../pool/pool.js';

const VERSION = '0.169.0';

/** The header fields of Codex's handshake, as recorded, with made-up ids. The library adds those of WebSocket itself. */
export function codexHandshake(session: string): Record<string, string> {
  return {
    authorization: 'Bearer made-up-token-of-the-client',
    'chatgpt-account-id': 'made-up-id-of-the-client',
    'user-agent': `codex_exec/${VERSION} (Debian 12.0.0; x86_64) xterm (codex_exec; ${VERSION})`,
    originator: 'codex_exec',
    'openai-beta': 'responses_websockets=2026-02-06',
    'x-codex-beta-features': 'remote_compaction_v2',
    'x-client-request-id': session,
    'session-id': session,
    'thread-id': session,
    'x-codex-window-id': `${session}:0`,
    'x-codex-turn-metadata': JSON.stringify(turnMetadata(session, 'prewarm')),
  };
}

/** A `response.create` message as Codex sends it; `fields` replace top-level fields. */
export function responseCreate(session: string, fields: object = {}): object {
  const isPrewarm = 'generate' in fields && fields.generate === false;
  return {
    type: 'response.create',
    ...aTurn(),
    prompt_cache_key: session,
    client_metadata: {
      session_id: session,
      thread_id: session,
      'x-codex-window-id': `${session}:0`,
      'x-codex-turn-metadata': JSON.stringify(turnMetadata(session, isPrewarm ? 'prewarm' : 'turn')),
      'x-codex-ws-stream-request-start-ms': String(Date.now()),
    },
    ...fields,
  };
}

function turnMetadata(session: string, kind: 'prewarm' | 'turn'): object {
  return {
    session_id: session,
    thread_id: session,
    agent_name: '/root',
    window_id: `${session}:0`,
    window_number: 0,
    request_kind: kind,
    thread_source: 'user',
    model: 'gpt-5.5',
  };
}
