import { describe, expect, it } from 'vitest';
import { aRequest } from '../../../test/support/page/a-request.js';
import { isFiltered, localTime, matchesFilters, requestsQuery, turnFiltersIn } from './turn-filters.js';

const none = turnFiltersIn(new URLSearchParams());

describe('filters of the turns', () => {
  it('are read from the address, and become the query of the API', () => {
    const filters = turnFiltersIn(new URLSearchParams('account=w%26k&model=gpt-5.5&from=2026-11-27T14:00'));
    expect(filters).toMatchObject({
      account: 'w&k',
      model: 'gpt-5.5',
      from: '2026-11-27T14:00',
      session: '',
    });
    const query = requestsQuery(filters, 200);
    const from = new Date(2026, 10, 27, 14).getTime();
    expect(query.toString()).toBe(`account=w%26k&model=gpt-5.5&from=${from}&limit=200`);
  });

  it('leave out times that are none, and cut what is too long', () => {
    const filters = turnFiltersIn(
      new URLSearchParams({ from: 'yesterday', to: '2026-13-99T99:99', account: 'x'.repeat(999) }),
    );
    expect(filters).toMatchObject({ from: '', to: '' });
    expect(filters.account).toHaveLength(200);
  });

  it('are set if any one is', () => {
    expect(isFiltered(none)).toBe(false);
    expect(isFiltered({ ...none, project: 'h' })).toBe(true);
  });
});

describe('a live turn', () => {
  const at = new Date(2026, 10, 27, 14, 30).getTime();
  const turn = aRequest({
    at,
    account: 'work',
    session: 's',
    model: 'm',
    project: { name: 'p', hash: 'h' },
    result: 'complete',
    attempts: [
      {
        account: 'home',
        by: 'policy',
        startedAt: at,
        outcome: 'rate-limited',
        status: 429,
        failedLate: null,
      },
    ],
  });

  it.each([
    [{}, true],
    [{ account: 'work', session: 's', model: 'm', project: 'h', outcome: 'complete' }, true],
    [{ account: 'home' }, false],
    [{ session: 't' }, false],
    [{ outcome: 'cut' }, false],
    [{ model: 'n' }, false],
    [{ project: 'p' }, true],
    [{ project: 'x' }, false],
    [{ outcome: 'rate-limited' }, true],
    [{ from: '2026-11-27T14:30', to: '2026-11-27T14:31' }, true],
    [{ from: '2026-11-27T14:31' }, false],
    [{ to: '2026-11-27T14:30' }, false],
  ])('with the filters %j belongs into the list: %s', (filters, belongs) => {
    expect(matchesFilters(turn, { ...none, ...filters })).toBe(belongs);
  });
});

it.each(['', '2026-11-27', '2026-11-27 14:00', 'T', '1969-01-01T00:00'])('%j is no local time', (text) => {
  expect(localTime(text)).toBeNull();
});
