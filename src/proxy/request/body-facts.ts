import { isRecord } from '../../runtime/is-record.js';
import { type JsonVisitor, scanJson } from './json-scanner.js';
import { sessionKeyFromBody } from './session-key.js';

/** Longer model names are ignored. */
const MODEL_CHARS = 1_000;
/** Bounds of both names in the usage records. */
const RECORDED_MODEL_CHARS = 100;
const RECORDED_EFFORT_CHARS = 20;
/** Longer strings are ignored. */
const STRING_BYTES = 64 * 1_024;

/** The model and the reasoning effort of a turn; null for each that its request does not name. */
export interface ModelAndEffort {
  readonly model: string | null;
  readonly effort: string | null;
}

/** The facts in the JSON of a body: a few short strings, so that none of the JSON has to be kept. */
export interface BodyFacts extends ModelAndEffort {
  readonly sessionKey: string | null;
}

export const noFacts: BodyFacts = { sessionKey: null, model: null, effort: null };

/** Reads the facts in one pass over the plain bytes of a body. Without facts if they are not a JSON object. */
export async function factsInBody(plain: Buffer): Promise<BodyFacts> {
  const outline = new Outline(plain);
  return (await scanJson(plain, outline)) ? factsIn(outline.root) : noFacts;
}

/** Reads model and effort from `x-codex-turn-metadata` (docs/protocol.md, turns over HTTP) without parsing it. */
export function modelAndEffortIn(metadata: string): ModelAndEffort {
  return {
    model: modelField.exec(metadata)?.[1] ?? null,
    effort: effortField.exec(metadata)?.[1] ?? null,
  };
}

const modelField = textField('model', RECORDED_MODEL_CHARS);
const effortField = textField('reasoning_effort', RECORDED_EFFORT_CHARS);

function textField(name: string, maxLength: number): RegExp {
  return new RegExp(`"${name}"\\s*:\\s*"([^"\\\\]{1,${maxLength}})"`);
}

/** The fields that may state a fact, at any of the upper levels. */
const names: ReadonlySet<string> = new Set([
  'conversation',
  'conversation_id',
  'effort',
  'id',
  'metadata',
  'model',
  'prompt_cache_key',
  'reasoning',
]);
/** The longest name, if all its characters are escaped. */
const NAME_BYTES = 6 * 16 + 2;
/** `metadata.conversation.id` is the deepest fact. */
const LEVELS = 3;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

type Fields = Record<string, unknown>;

/** Builds the part of a JSON object that may state facts: a few named fields, with their strings. */
class Outline implements JsonVisitor {
  root: Fields | null = null;
  /** By level: the object that is open there, if it is part of the outline, and its current field. */
  private readonly objects: (Fields | null)[] = [null, null, null, null];
  private readonly fields: (string | null)[] = [null, null, null, null];

  constructor(private readonly json: Buffer) {}

  open(depth: number, _at: number, isArray: boolean): void {
    if (depth > LEVELS) return;
    const isPart = !isArray && (depth === 0 || this.isFact(depth));
    const made: Fields | null = isPart ? {} : null;
    if (depth === 0) this.root = made;
    else this.set(depth, made);
    this.objects[depth + 1] = made;
  }

  close(): void {
    // The next key at a level replaces its field.
  }

  key(depth: number, at: number, end: number): void {
    if (depth > LEVELS || this.objects[depth] == null) return;
    const name = end - at <= NAME_BYTES ? this.stringAt(at, end) : null;
    this.fields[depth] = name !== null && names.has(name) ? name : null;
  }

  scalar(depth: number, at: number, end: number): void {
    if (depth === 0 || depth > LEVELS || !this.isFact(depth)) return;
    this.set(depth, this.json[at] === QUOTE && end - at <= STRING_BYTES ? this.stringAt(at, end) : null);
  }

  private isFact(depth: number): boolean {
    return this.objects[depth] != null && this.fields[depth] != null;
  }

  private set(depth: number, value: unknown): void {
    const object = this.objects[depth];
    const name = this.fields[depth];
    if (object != null && name != null) object[name] = value;
  }

  private stringAt(at: number, end: number): string | null {
    const inner = this.json.subarray(at + 1, end - 1);
    if (!inner.includes(BACKSLASH)) return inner.toString('utf8');
    try {
      const value: unknown = JSON.parse(this.json.toString('utf8', at, end));
      return typeof value === 'string' ? value : null;
    } catch {
      return null; // a control character
    }
  }
}

function factsIn(json: unknown): BodyFacts {
  if (!isRecord(json)) return noFacts;
  const { model, reasoning } = json;
  const effort = isRecord(reasoning) ? reasoning['effort'] : null;
  return {
    sessionKey: sessionKeyFromBody(json),
    model: typeof model === 'string' && model.length <= MODEL_CHARS ? model : null,
    effort: typeof effort === 'string' ? effort.slice(0, RECORDED_EFFORT_CHARS) : null,
  };
}
