/** Returns the block for Codex's `config.toml`. The provider may have any name, except `OpenAI` with another base path. */
export function codexConfig(origin: string): string[] {
  return [
    'model_provider = "codex-pool"',
    `chatgpt_base_url = "${origin}/backend-api"`,
    '',
    '[model_providers.codex-pool]',
    'name = "OpenAI via codex-pool proxy"',
    `base_url = "${origin}/v1"`,
    'wire_api = "responses"',
    'requires_openai_auth = true',
  ];
}
