import { isRecord } from '../../runtime/is-record.js';

/** A model in the shape of OpenAI's public API. The backend tells neither when a model was made nor by whom. */
export interface OpenaiModel {
  readonly id: string;
  readonly object: 'model';
  readonly created: 0;
  readonly owned_by: 'openai';
}

/** A list of models that clients of the public API read in `data`, and Codex in `models`. */
export interface OpenaiModels {
  readonly object: 'list';
  readonly data: readonly OpenaiModel[];
  readonly models: readonly unknown[];
}

/** The models in the backend's list; null if it is not a JSON object. Models without a name are only in `models`. */
export function openaiModels(list: Buffer): OpenaiModels | null {
  let json: unknown;
  try {
    json = JSON.parse(list.toString('utf8'));
  } catch {
    return null;
  }
  if (!isRecord(json)) return null;
  const models: unknown[] = Array.isArray(json['models']) ? json['models'] : [];
  const names = models.map((it) => (isRecord(it) ? it['slug'] : null));
  const ids = new Set(names.filter((it) => typeof it === 'string').filter((it) => it !== ''));
  return { object: 'list', data: [...ids].map(openaiModel), models };
}

function openaiModel(id: string): OpenaiModel {
  return { id, object: 'model', created: 0, owned_by: 'openai' };
}
