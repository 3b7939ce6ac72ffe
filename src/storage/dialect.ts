/**
 * SQL that differs between databases: rows of a JSON array of arrays, as a query with these columns. One parameter holds
 * all rows, so a statement is the same text for any number of them, and no bound on parameters applies.
 */
export function rowsOfJson(columns: number): string {
  // WHERE keeps SQLite from reading a following ON as part of a join.
  return `SELECT ${Array.from({ length: columns }, (_, index) => `value ->> ${index}`).join(', ')} FROM json_each(?) WHERE true`;
}

/** SQL that differs between databases: the texts of a JSON array, as a query of one column. */
export function textsOfJson(parameter: string): string {
  return `SELECT value FROM json_each(${parameter})`;
}
