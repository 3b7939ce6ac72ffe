import type { ModelPrice, Prices } from '../../config/prices.config.js';
import type { UsageSums } from '../sums/rollup-sums.js';

/** Sums of one model. */
export interface ModelSums extends UsageSums {
  readonly model: string;
}

/** Returns what the API would charge, in US dollars; null if a used model has no price. */
export function costOf(models: readonly ModelSums[], prices: Prices): number | null {
  let cost = 0;
  for (const sums of models) {
    if (sums.input === 0 && sums.output === 0) continue;
    const price = prices.get(sums.model);
    if (price === undefined) return null;
    cost += costAt(price, sums);
  }
  return cost;
}

function costAt(price: ModelPrice, { input, cached, output }: UsageSums): number {
  const uncached = Math.max(0, input - cached);
  return (uncached * price.input + cached * price.cached + output * price.output) / 1e6;
}
