import { effortIn, modelIn } from './model-and-effort.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';
import { jsonIn, lookInto } from './request-json.js';
import { sessionKeyFromBody } from './session-key.js';

/** What the JSON of a body tells: a few short strings, so that nothing of the JSON has to be kept for them. */
export interface BodyFacts {
  readonly sessionKey: string | null;
  readonly model: string | null;
  readonly effort: string | null;
}

export const noFacts: BodyFacts = { sessionKey: null, model: null, effort: null };

/** A name that is longer is none. */
const MODEL_CHARS = 1_000;

/**
 * Reads a body once. Null when there was no room for it in the budget of the process, which its JSON takes
 * as much of as the plain bytes do, or when it cannot be inflated.
 */
export async function factsOf(
  body: Buffer,
  contentEncoding: string | undefined,
  budget: ReplayBudget,
): Promise<BodyFacts | null> {
  return lookInto(body, contentEncoding, budget, (plain) => {
    using room = new BudgetClaim(budget);
    return room.more(plain.length) ? factsIn(jsonIn(plain)) : null;
  });
}

function factsIn(json: unknown): BodyFacts {
  const model = modelIn(json);
  return {
    sessionKey: sessionKeyFromBody(json),
    model: model !== null && model.length <= MODEL_CHARS ? model : null,
    effort: effortIn(json),
  };
}
