import { once } from 'node:events';
import sqlite3 from 'sqlite3';

/** A connection of another program to the database. */
export class OtherProgram implements AsyncDisposable {
  private constructor(private readonly connection: sqlite3.Database) {}

  static async open(path: string): Promise<OtherProgram> {
    const connection = new sqlite3.Database(path);
    await once(connection, 'open');
    return new OtherProgram(connection);
  }

  async run(sql: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.connection.exec(sql, (error) => (error === null ? done.resolve() : done.reject(error)));
    await done.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.connection.close(() => done.resolve());
    await done.promise;
  }
}
