import type { z } from 'zod';
import type { SchemaName } from './schemas.js';

/** Codes of problems, by status. */
export type ProblemCodes = Readonly<Record<number, readonly string[]>>;

/** A response: the name of its schema, of a list of that schema, or its media type if it is not JSON. */
export type ResponseDoc =
  | { readonly about: string; readonly json: SchemaName | `${SchemaName}[]` }
  | { readonly about: string; readonly type: string };

/** Documentation of a route, beyond its method and path. The parts that all routes share are added to each. */
export interface Operation {
  /** Unique; the name of the function in a generated client. */
  readonly id: string;
  readonly tag: 'Pool' | 'Accounts' | 'Logins' | 'Sessions' | 'Turns' | 'Health' | 'Program';
  readonly summary: string;
  /** The schema that the route checks its query with, and a sentence for each parameter. */
  readonly query?: { readonly schema: z.ZodObject; readonly about: Readonly<Record<string, string>> };
  /** The name of the body's schema. */
  readonly body?: { readonly json: SchemaName | `${SchemaName}[]`; readonly isRequired: boolean };
  /** Responses other than problems, by status. */
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  readonly problems?: ProblemCodes;
}

/** Operations by method and path, such as `GET /admin/accounts/{name}`. */
export type Operations = Readonly<Record<string, Operation>>;
