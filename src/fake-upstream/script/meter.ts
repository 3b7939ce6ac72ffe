import { rateLimitBody, type UsageWindows, windowsInHeaders } from './quota.js';

/** A quota of an account in addition to the general one (docs/protocol.md, meters). */
export interface Meter {
  /** Its name for people, which is also that of its model: `GPT-5.3-Codex-Spark`. */
  readonly limitName: string;
  /** Its name on the wire: `codex_bengalfox`. */
  readonly feature: string;
  /** `normal_model_slug`: the general model that belongs to the metered one; null if the backend does not say. */
  readonly modelSlug: string | null;
  readonly windows: UsageWindows;
  /** Null: allowed unless a window is full. */
  readonly allowed: boolean | null;
}

/** The model that counts on `spark`. */
export const SPARK_MODEL = 'gpt-5.3-codex-spark';

/** The meter of Spark with one 5 h window, used to this percentage. */
export function spark(usedPercent: number, options: Partial<Meter> = {}): Meter {
  return {
    limitName: 'GPT-5.3-Codex-Spark',
    feature: 'codex_bengalfox',
    modelSlug: 'gpt-5.3-codex',
    windows: [{ usedPercent, windowSeconds: 18_000 }],
    allowed: null,
    ...options,
  };
}

/** Whether turns of a model count on a meter. */
export function serves({ limitName }: Meter, model: string | null): boolean {
  return model === limitName.toLowerCase();
}

/** An entry of `additional_rate_limits`. */
export function meterBody(meter: Meter): object {
  return {
    limit_name: meter.limitName,
    metered_feature: meter.feature,
    normal_model_slug: meter.modelSlug,
    rate_limit: rateLimitBody(meter.windows, meter.allowed),
  };
}

/** The header fields of a meter: `codex_bengalfox` becomes the family `x-codex-bengalfox`. */
export function meterHeaders(meter: Meter): Record<string, string> {
  const family = `x-${meter.feature.replaceAll('_', '-')}`;
  return Object.fromEntries([
    [`${family}-limit-name`, meter.limitName],
    ...windowsInHeaders(meter.windows, family),
  ]);
}
