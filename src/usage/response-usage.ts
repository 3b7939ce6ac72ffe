import { z } from 'zod';

/** Tokens of one turn, as upstream counted them. `cached` is part of `input`, `reasoning` of `output`. */
export interface TokenCount {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

/** A missing, negative or absurd count is ignored, because it would spoil the sums. */
const count = z.number().int().min(0).max(1_000_000_000).nullish().catch(null);

const usageSchema = z.object({
  input_tokens: count,
  input_tokens_details: z.object({ cached_tokens: count }).nullish().catch(null),
  output_tokens: count,
  output_tokens_details: z.object({ reasoning_tokens: count }).nullish().catch(null),
});
const finalEventSchema = z.object({ response: z.object({ usage: z.unknown() }) });

/** Reads the token counts from the data of a final event (docs/protocol.md); null if it has none. */
export function usageFromFinalEvent(data: string): TokenCount | null {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return null;
  }
  const parsed = finalEventSchema.safeParse(json);
  return parsed.success ? usageFrom(parsed.data.response.usage) : null;
}

/** Reads the token counts from a parsed `usage` object (docs/protocol.md); null if it has none. */
export function usageFrom(json: unknown): TokenCount | null {
  const parsed = usageSchema.safeParse(json);
  if (!parsed.success) return null;
  const usage = parsed.data;
  if (usage.input_tokens == null && usage.output_tokens == null) return null;
  return {
    input: usage.input_tokens ?? 0,
    cached: usage.input_tokens_details?.cached_tokens ?? 0,
    output: usage.output_tokens ?? 0,
    reasoning: usage.output_tokens_details?.reasoning_tokens ?? 0,
  };
}
