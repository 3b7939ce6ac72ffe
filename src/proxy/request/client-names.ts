import { type ModelAndEffort, modelAndEffortIn } from './body-facts.js';
import { threadIn, type Workspace, workspaceIn } from './turn-metadata.js';

/** The names that a client gives a request; null for each that it does not give. */
export interface ClientNames extends ModelAndEffort {
  /** As the client names itself in `originator`. */
  readonly frontEnd: string | null;
  /** Hash of the thread. */
  readonly thread: string | null;
  readonly workspace: Workspace | null;
}

/** Where names come from, unread. Holds nothing of the body. */
export interface KnownNames {
  readonly frontEnd: string | null;
  /** The turn metadata as text. */
  readonly metadata: string | null;
  /** The names in the body, which outrank those in the metadata; null if it has not been read. */
  readonly named: ModelAndEffort | null;
}

const RECORDED_MODEL_CHARS = 100;

/** Reads the names. */
export function namesIn({ frontEnd, metadata, named }: KnownNames): ClientNames {
  const { model, effort } = modelAndEffortOf(metadata, named);
  return {
    model: model?.slice(0, RECORDED_MODEL_CHARS) ?? null,
    effort,
    frontEnd,
    thread: metadata === null ? null : threadIn(metadata),
    workspace: metadata === null ? null : workspaceIn(metadata),
  };
}

function modelAndEffortOf(metadata: string | null, named: ModelAndEffort | null): ModelAndEffort {
  if (named !== null && named.model !== null) return named;
  const inMetadata = metadata === null ? null : modelAndEffortIn(metadata);
  return inMetadata?.model != null ? inMetadata : (named ?? { model: null, effort: null });
}
