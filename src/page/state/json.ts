/**
 * Returns JSON of the admin API in the shape that the caller states. It is not checked: program and page are of one
 * build, the program's tests hold its responses against the schemas of `src/api`, and zod would double the page.
 * @throws SyntaxError if the text is not JSON
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function fromJson<T>(text: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as T;
}
