import { expect, it } from 'vitest';
import { MigrationNotice } from './migration-notice.js';

/** A logger that keeps its messages, and calls back at each. */
function capturing() {
  const messages: string[] = [];
  const first = Promise.withResolvers<void>();
  const warn = (message: string) => {
    messages.push(message);
    first.resolve();
  };
  return { logger: { warn }, messages, first: first.promise };
}

it('logs a migration that takes long, and its end', async () => {
  const { logger, messages, first } = capturing();
  {
    using _ = new MigrationNotice(logger, '/data/proxy.db', 1);
    await first;
    expect(messages).toEqual([
      'migrating the database of an older version; the start goes on when that is done',
    ]);
  }
  expect(messages.slice(1)).toEqual(['the migration of the database has ended']);
});

it('logs nothing about a quick one', () => {
  const { logger, messages } = capturing();
  {
    using _ = new MigrationNotice(logger, '/data/proxy.db', 60_000);
  }
  expect(messages).toEqual([]);
});
