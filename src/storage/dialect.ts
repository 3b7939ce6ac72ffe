/**
 * SQL that differs between databases: rows of a JSON array of arrays, as a query with these columns. One parameter holds
 * all rows, so a statement is the same text for any number of them, and no bound on parameters applies.
 */
export function rowsOfJson(columns: number): string {
  // WHERE keeps SQLite from reading a following ON as part of a join.
  return `SELECT ${Array.from({ length: columns }, (_, index) => `value ->> ${index}`).join(', ')} FROM json_each(?) WHERE true`;
}
