import { z } from 'zod';
import { epochMs, usageTotalsSchema } from './shared-shapes.js';

/** One attempt of a request. */
const attemptSchema = z.object({
  account: z.string(),
  /** Why this account was chosen: `pinned`, `affinity`, `policy`, or why it was tried again. */
  by: z.string(),
  startedAt: epochMs,
  outcome: z.string(),
  status: z.int().nullable(),
  /** The outcome that the stream reported after its first output; null if none. */
  failedLate: z.string().nullable(),
});

/** A project, by a short name and a hash: never a full path. */
export const projectSchema = z.object({ name: z.string(), hash: z.string() });
export type Project = z.infer<typeof projectSchema>;

/** How a request was routed. Contains no secret, no e-mail address and no content. */
export const requestSchema = z.object({
  id: z.string(),
  at: epochMs,
  method: z.string(),
  route: z.string(),
  /** Hashes of session and thread; null without one. */
  session: z.string().nullable(),
  thread: z.string().nullable(),
  model: z.string().nullable(),
  effort: z.string().nullable(),
  /** The client program, as it names itself in `originator`: for example `codex_exec`. */
  frontEnd: z.string().nullable(),
  /** Null if the client names none, or if `PROXY_RECORD_PROJECTS` is 0. */
  project: projectSchema.nullable(),
  /** The account that served, or was tried last; null if none was tried. */
  account: z.string().nullable(),
  /**
   * Every account at the first selection; `passedOver` is null for accounts that could have served. In lists and events
   * at most 8, those that the request names first.
   */
  candidates: z.array(z.object({ account: z.string(), passedOver: z.string().nullable() })),
  /** How many further ones `GET /admin/requests/{id}` has; absent if none. */
  moreCandidates: z.int().positive().optional(),
  attempts: z.array(attemptSchema),
  /** The account that served the session before, if this request moved it; null if it did not move. */
  movedFrom: z.string().nullable(),
  /** `name: reason` of the first account that refused the request, or that its session had to leave; null if none. */
  firstRefusal: z.string().nullable(),
  /** False if the body was too large to keep for another attempt; true in short form. */
  isReplayable: z.boolean(),
  /** `running`, or how it ended. */
  result: z.string(),
  endedAt: epochMs.nullable(),
  /** HTTP status that the client got; null before that. */
  status: z.int().nullable(),
  /** From the whole request to the head of the response; null without a response. */
  firstByteMs: z.int().nonnegative().nullable(),
  bytes: z.int().nonnegative(),
  /** Null if the stream reported none. */
  tokens: usageTotalsSchema.omit({ turns: true }).nullable(),
  /**
   * `short`: from the database, without candidates, and with the last attempt only, which is said to have begun with the
   * request.
   */
  detail: z.enum(['full', 'short']),
});
export type RequestView = z.infer<typeof requestSchema>;
