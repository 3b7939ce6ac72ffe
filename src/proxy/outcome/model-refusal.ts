import type { ErrorEnvelope } from './error-envelope.js';

const modelCodes = new Set(['model_not_supported', 'model_not_found', 'unsupported_model']);
/** Codes of a setting that the model rejects: a client mistake on every account. */
const settingCodes = new Set(['unsupported_parameter', 'unsupported_value', 'invalid_value']);

/** Texts without a code (docs/protocol.md, errors). */
const TEXTS = [
  /\bmodel\b.{0,80}\bnot (?:supported|available|found)\b/i,
  /\bmodel not (?:found|supported|available)\b/i,
  /\bmodel\b.{0,80}\bdoes not exist\b/i,
];

/** Whether an error may be about a model. Only then does `isModelRefusal` need the requested one. */
export function mentionsModel(envelope: ErrorEnvelope | null): boolean {
  if (envelope === null) return false;
  const { codes, message } = envelope;
  return hasModelCode(envelope) || codes.includes('usage_not_included') || /\bmodel\b/i.test(message);
}

/**
 * Whether upstream refuses the requested model itself to this account. The text may name another model, such as a
 * tool's; then it says nothing about this one. A text that names no model is about the requested one.
 */
export function isModelRefusal(envelope: ErrorEnvelope, model: string | null): boolean {
  if (envelope.codes.some((it) => settingCodes.has(it))) return false;
  const { message } = envelope;
  const isText = TEXTS.some((it) => it.test(message));
  if (!hasModelCode(envelope) && !isText) return false;
  if (model === null || names(message, model)) return true;
  return !namesAnyModel(message);
}

function hasModelCode({ codes }: ErrorEnvelope): boolean {
  return codes.some((it) => modelCodes.has(it) || it.startsWith('model_not_supported'));
}

/** Whether a text contains the model's name as a whole word, rather than as the start of a longer name. */
function names(message: string, model: string): boolean {
  const escaped = model.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\w.-])${escaped}(?![\w-]|\.\w)`, 'i').test(message);
}

/** Whether a text contains a word that looks like a model's name: quoted, or beside "model", or after "not found". */
function namesAnyModel(message: string): boolean {
  const name = String.raw`[a-z][\w:/]*[-.\d][\w.:/-]*`;
  const places = [
    /['"`][\w.:/-]{2,100}['"`]/,
    new RegExp(String.raw`\b${name}\s+model\b`, 'i'),
    new RegExp(String.raw`\bmodel:?\s+${name}`, 'i'),
    /\bnot found:?\s+[\w.:/-]{2,100}/i,
  ];
  return places.some((it) => it.test(message));
}
