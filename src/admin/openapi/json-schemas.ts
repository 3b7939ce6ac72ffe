import { z } from 'zod';
import type { ApiSchema } from '../docs/api-document.js';
import { bodySchemas, responseSchemas } from './schemas.js';

const PLACE = '#/components/schemas/';

/** Returns the reference to a schema by its name, or to a list of that schema (`Account[]`). */
export function refTo(name: string): ApiSchema {
  if (name.endsWith('[]')) return { type: 'array', items: refTo(name.slice(0, -2)) };
  return { $ref: `${PLACE}${name}` };
}

/** Returns all named schemas as JSON Schema, by name. */
export function componentSchemas(): Record<string, ApiSchema> {
  return { ...jsonSchemasOf(responseSchemas, 'output'), ...jsonSchemasOf(bodySchemas, 'input') };
}

/** Returns the JSON Schema of each parameter of a query, and which of them are required. */
export function querySchemas(query: z.ZodObject): { name: string; required: boolean; schema: ApiSchema }[] {
  return Object.entries(query.shape).map(([name, field]) => {
    const schema = z.toJSONSchema(field, {
      io: 'input',
      override: (it) => withoutFormatPattern(it.jsonSchema),
    });
    delete schema.$schema;
    // A default of free text is the machine's, such as its time zone.
    if (typeof schema.default === 'string' && schema.enum === undefined) delete schema.default;
    return { name, required: !z.safeParse(field, undefined).success, schema };
  });
}

/** Removes the pattern of a named format: that of a date is 200 characters long, and says nothing more. */
function withoutFormatPattern(schema: ApiSchema): void {
  if (schema['format'] !== undefined) delete schema['pattern'];
}

function jsonSchemasOf(schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output') {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const json = z.toJSONSchema(registry, {
    io,
    uri: (id) => PLACE + id,
    override: ({ jsonSchema }) => {
      withoutFormatPattern(jsonSchema);
      // Fields may be added to a response; a client must not refuse them.
      if (io === 'output' && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(
    Object.entries(json.schemas).map(([id, schema]) => {
      delete schema.$schema;
      delete schema.$id;
      return [id, schema];
    }),
  );
}
