import type { Request, Response } from 'express';
import { z } from 'zod';

/** The place where a page of a list ended: a time (epoch ms), and what tells entries of that time apart. */
export interface PageCursor {
  readonly at: number;
  readonly key: string;
}

const place = z.tuple([z.int(), z.string().max(400)]);

/** A `cursor` in a query: opaque text, as `cursorText` makes it. */
export const cursorSchema = z
  .string()
  .max(2_000)
  .transform((text, context): PageCursor => {
    const parsed = place.safeParse(jsonOf(text));
    if (parsed.success) return { at: parsed.data[0], key: parsed.data[1] };
    context.addIssue('not a cursor');
    return z.NEVER;
  });

/** A `limit` in a query: the number of entries on a page, at most `most`. */
export const limitSchema = (most: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(most))
    .default(most);

export function cursorText({ at, key }: PageCursor): string {
  return Buffer.from(JSON.stringify([at, key])).toString('base64url');
}

/** Names the next page of a list that is a plain array: `Link: <…>; rel="next"` (RFC 8288). */
export function linkNext(req: Request, res: Response, next: PageCursor): void {
  const { pathname, searchParams } = new URL(req.originalUrl, 'http://localhost');
  searchParams.set('cursor', cursorText(next));
  res.set('link', `<${pathname}?${searchParams.toString()}>; rel="next"`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}
