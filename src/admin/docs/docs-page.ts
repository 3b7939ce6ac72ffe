import { hash } from 'node:crypto';
import type { ApiDocument, ApiOperation } from './api-document.js';

const style = `
:root { color-scheme: light dark; }
body { font: 14px/20px system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 16px; }
h1, h2 { line-height: 1.3; }
h3 { font-size: 14px; margin: 24px 0 4px; }
p, ul { margin: 4px 0; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
`;

/** Allows nothing but the style of the page. */
export const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Returns the HTML page of a document: its operations by tag, each with parameters, body, responses and codes. */
export function docsPage({ info, paths }: ApiDocument): string {
  const all = Object.entries(paths).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, it]) => ({ title: `${method.toUpperCase()} ${path}`, ...it })),
  );
  const sections = [...Map.groupBy(all, (it) => it.tags[0] ?? '')].map(
    ([tag, operations]) => `<h2>${escaped(tag)}</h2>\n${operations.map(operationHtml).join('\n')}`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(info.title)}: admin API</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(info.title)} ${escaped(info.version)}: admin API</h1>
<p><a href="openapi.json">openapi.json</a> has the same for programs, with the schemas.</p>
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function operationHtml({
  title,
  summary,
  parameters = [],
  requestBody,
  responses,
}: ApiOperation & { title: string }) {
  const lines = [
    ...parameters.map(
      ({ name, in: place, description = '' }) =>
        `<code>${escaped(name)}</code> (${place}) ${escaped(description)}`,
    ),
    ...Object.values(requestBody?.content ?? {}).map(
      ({ schema }) => `body: <code>${escaped(schemaName(schema))}</code>`,
    ),
    ...Object.entries(responses).map(([status, { description, content = {} }]) => {
      const names = Number(status) < 400 ? Object.values(content).map((it) => schemaName(it.schema)) : [];
      const schemas = names.filter((it) => it !== '').map((it) => ` <code>${escaped(it)}</code>`);
      return `${escaped(status)}: ${escaped(description)}${schemas.join('')}`;
    }),
  ];
  return `<section>\n<h3><code>${escaped(title)}</code></h3>\n<p>${escaped(summary)}</p>\n<ul>${lines.map((it) => `<li>${it}</li>`).join('')}</ul>\n</section>`;
}

/** The name of a referenced schema, or of the items of a list; empty if it has none. */
function schemaName({ $ref, items }: Readonly<Record<string, unknown>>): string {
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1);
  return typeof items === 'object' && items !== null ? `${schemaName({ ...items })}[]` : '';
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}
