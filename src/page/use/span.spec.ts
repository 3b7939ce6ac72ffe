import { describe, expect, it } from 'vitest';
import { spanOf, usageQuery, useQuestionIn } from './span.js';

const now = new Date(2026, 10, 27, 14, 30).getTime();
const question = (query: string) => useQuestionIn(new URLSearchParams(query));

describe('the span of the view of use', () => {
  it('is seven days by account if the address does not say', () => {
    expect(question('')).toEqual({ span: '7d', from: '', to: '', by: 'account', account: '' });
  });

  it.each([
    'span=11y&by=sql',
    'span=dates',
    'span=dates&from=2026-02-30&to=2026-03-01',
    'span=dates&from=2026-03-02&to=2026-03-01',
    'by=toString',
  ])('is the default for the address %s', (query) => {
    expect(question(query)).toMatchObject({ span: '7d', by: 'account' });
  });

  it('begins with a day, so that the first bar is whole; 24 hours end now', () => {
    expect(spanOf(question('span=7d'), now)).toEqual({
      from: new Date(2026, 10, 21).getTime(),
      to: null,
      bucket: 'hour',
    });
    expect(spanOf(question('span=30d'), now)).toEqual({
      from: new Date(2026, 9, 29).getTime(),
      to: null,
      bucket: 'day',
    });
    expect(spanOf(question('span=24h'), now)).toEqual({ from: now - 86_400_000, to: null, bucket: 'hour' });
  });

  it('of dates has both days, by hour up to a week', () => {
    expect(spanOf(question('span=dates&from=2026-11-01&to=2026-11-07'), now)).toMatchObject({
      from: new Date(2026, 10, 1).getTime(),
      to: new Date(2026, 10, 8).getTime(),
      bucket: 'hour',
    });
    expect(spanOf(question('span=dates&from=2026-01-01&to=2026-11-07'), now).bucket).toBe('day');
  });

  it('is asked of the API with the same words for report and CSV', () => {
    const query = usageQuery({ from: 1, to: 2, bucket: 'hour' }, 'front-end', 'Europe/Berlin');
    expect(query.toString()).toBe('from=1&to=2&bucket=hour&by=front-end&tz=Europe%2FBerlin');
    expect(usageQuery({ from: 1, to: null, bucket: 'day' }, 'none', 'UTC').toString()).toBe(
      'from=1&bucket=day&tz=UTC',
    );
  });
});
