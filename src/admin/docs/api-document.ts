import { z } from 'zod';

const schemaSchema = z.record(z.string(), z.unknown());

const operationSchema = z.looseObject({
  operationId: z.string(),
  tags: z.array(z.string()),
  summary: z.string(),
  parameters: z
    .array(
      z.looseObject({
        name: z.string(),
        in: z.enum(['path', 'query']),
        description: z.string().optional(),
        required: z.boolean(),
        schema: schemaSchema,
      }),
    )
    .optional(),
  requestBody: z
    .looseObject({ required: z.boolean(), content: z.record(z.string(), z.object({ schema: schemaSchema })) })
    .optional(),
  responses: z.record(
    z.string(),
    z.looseObject({
      description: z.string(),
      content: z.record(z.string(), z.object({ schema: schemaSchema })).optional(),
    }),
  ),
});

/** The parts of an OpenAPI document that the program reads and writes. */
export const apiDocumentSchema = z.looseObject({
  openapi: z.string(),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  /** Operations by path, then by method in lower case. */
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), schemaSchema) }),
});

export type ApiDocument = z.infer<typeof apiDocumentSchema>;
export type ApiOperation = z.infer<typeof operationSchema>;
/** A JSON Schema. */
export type ApiSchema = z.infer<typeof schemaSchema>;
