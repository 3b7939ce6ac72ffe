// A second process with the database open: runs each input line as SQL and prints a line for each.
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(process.argv[2] ?? '');
process.stdout.write('"open"\n');
for await (const line of createInterface({ input: process.stdin })) {
  try {
    database.exec(JSON.parse(line));
    process.stdout.write('"done"\n');
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
}
database.close();
