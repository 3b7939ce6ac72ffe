import { z } from 'zod';

/** A finding of a check. */
const findingSchema = z.object({
  /** Stable, the same for the same fault. */
  code: z.string(),
  /** `finding`: something is wrong. `note`: good to know; the exit code of the command does not count it. */
  level: z.enum(['finding', 'note']),
  /** The fault, in one sentence. */
  problem: z.string(),
  why: z.string(),
  /** The command, or the step, that repairs it. */
  repair: z.string(),
});
export type Finding = z.infer<typeof findingSchema>;

/** A group of checks, and their findings; `fact` says in a few words what is there. */
const checkSchema = z.object({ check: z.string(), fact: z.string(), findings: z.array(findingSchema) });
export type CheckResult = z.infer<typeof checkSchema>;

/** The output of `codex-pool doctor --json`. It names no person and holds no token. */
export const doctorReportSchema = z.object({
  version: z.string(),
  /** Versions of Node and npm; null without npm. */
  node: z.string(),
  npm: z.string().nullable(),
  platform: z.string(),
  arch: z.string(),
  checks: z.array(checkSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;

/** The report of `GET /admin/doctor`. */
export const doctorSchema = doctorReportSchema.extend({
  /** When the checks were made, epoch ms. */
  checkedAt: z.number(),
});
export type DoctorView = z.infer<typeof doctorSchema>;
