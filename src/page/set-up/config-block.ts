/** How Codex is pointed at the pool: two keys for its built-in provider, or a provider of its own. */
export type ConfigForm = 'keys' | 'provider';

/** Returns the lines for Codex's `config.toml`. `origin`: of codex-pool, as the browser reached it. */
export function configBlock(form: ConfigForm, origin: string): string {
  if (form === 'keys')
    return `openai_base_url = "${origin}/v1"\nchatgpt_base_url = "${origin}/backend-api"\n`;
  return `model_provider = "codex-pool"
chatgpt_base_url = "${origin}/backend-api"

[model_providers.codex-pool]
name = "OpenAI via codex-pool proxy"
base_url = "${origin}/v1"
wire_api = "responses"
requires_openai_auth = true
supports_websockets = true
`;
}

/** Says what a form of the block does, and what it costs. */
export function configNote(form: ConfigForm): string {
  return form === 'keys'
    ? 'Put both lines above the first [table] of ~/.codex/config.toml. Your earlier sessions stay in the list of codex resume.'
    : 'The first two lines belong above the first [table]. Sessions from before this change are not in the list of codex resume until you take it back.';
}
