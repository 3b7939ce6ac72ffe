/** What a turn runs on, as far as its request tells. */
export interface ModelAndEffort {
  readonly model: string | null;
  readonly effort: string | null;
}

/** Reads both out of `x-codex-turn-metadata` (docs/protocol.md, turns over HTTP) without parsing it whole. */
export function modelAndEffortIn(metadata: string): ModelAndEffort {
  return { model: field(metadata, 'model', 100), effort: field(metadata, 'reasoning_effort', 20) };
}

export function modelIn(json: unknown): string | null {
  return typeof json === 'object' && json !== null && 'model' in json && typeof json.model === 'string'
    ? json.model
    : null;
}

export function effortIn(json: unknown): string | null {
  if (typeof json !== 'object' || json === null || !('reasoning' in json)) return null;
  const { reasoning } = json;
  if (typeof reasoning !== 'object' || reasoning === null || !('effort' in reasoning)) return null;
  return typeof reasoning.effort === 'string' ? reasoning.effort.slice(0, 20) : null;
}

function field(json: string, name: string, maxLength: number): string | null {
  return new RegExp(`"${name}"\\s*:\\s*"([^"\\\\]{1,${maxLength}})"`).exec(json)?.[1] ?? null;
}
