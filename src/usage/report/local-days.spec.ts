import { describe, expect, it } from 'vitest';
import {
  DAY_MS,
  dateOf,
  dayOf,
  isTimeZone,
  machineZone,
  midnightsWithinHours,
  offsetPeriods,
  startOfDate,
  startOfDay,
} from './local-days.js';

const HOUR = 3_600_000;
const utc = (text: string) => Date.parse(`${text}Z`);

describe('a local day', () => {
  it.each([
    ['UTC', '2026-03-29', '2026-03-29T00:00', 24],
    ['Europe/Berlin', '2026-01-15', '2026-01-14T23:00', 24],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00', 23],
    ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00', 25],
    ['America/New_York', '2026-03-08', '2026-03-08T05:00', 23],
    ['America/New_York', '2026-11-01', '2026-11-01T04:00', 25],
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00', 23],
    ['America/Sao_Paulo', '2018-02-17', '2018-02-17T02:00', 25],
    ['America/Sao_Paulo', '2026-11-04', '2026-11-04T03:00', 24],
    ['Pacific/Apia', '2011-12-29', '2011-12-29T10:00', 24],
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00', 0],
    ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00', 24],
    ['Asia/Kolkata', '2026-06-01', '2026-05-31T18:30', 24],
    ['Asia/Kathmandu', '2026-06-01', '2026-05-31T18:15', 24],
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-04T13:00', 24.5],
    ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30', 23.5],
    ['Africa/Casablanca', '2026-02-15', '2026-02-14T23:00', 25],
  ])('of %s, %s, begins at %s and lasts %d h', (zone, date, start, hours) => {
    const next = dateOf(Date.parse(date) / DAY_MS + 1);
    expect(new Date(startOfDate(zone, date)).toISOString()).toBe(`${start}:00.000Z`);
    expect((startOfDate(zone, next) - startOfDate(zone, date)) / HOUR).toBe(hours);
  });

  it.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Pacific/Apia', 'America/Sao_Paulo', 'Africa/Casablanca'])(
    'of %s is the one that Intl gives, in every hour of twelve years',
    (zone) => {
      const [from, to] = [utc('2010-01-01T00:00'), utc('2022-01-01T00:00')];
      const periods = offsetPeriods(zone, from, to);
      const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone });
      for (let at = from; at < to; at += 7 * HOUR) {
        const day = dayOf(periods, at);
        expect(dateOf(day)).toBe(clock.format(at));
        expect(startOfDay(periods, day)).toBeLessThanOrEqual(at);
      }
    },
  );

  it('begins in the middle of an hour where the offset is no whole hour', () => {
    const [from, to] = [utc('2026-05-31T00:00'), utc('2026-06-02T18:30')];
    expect(midnightsWithinHours(offsetPeriods('Asia/Kolkata', from, to), from, to)).toEqual([
      utc('2026-05-31T18:30'),
      utc('2026-06-01T18:30'),
    ]);
    expect(midnightsWithinHours(offsetPeriods('Europe/Berlin', from, to), from, to)).toEqual([]);
  });

  it('of a span that ends before it begins, or is endless, is found at once', () => {
    expect(offsetPeriods('Europe/Berlin', 5 * DAY_MS, 0)).toHaveLength(1);
    expect(offsetPeriods('Europe/Berlin', -1e15, utc('2026-11-26T00:00')).length).toBeLessThan(200);
  });
});

describe('a time zone', () => {
  it.each(['UTC', 'Europe/Berlin', 'europe/berlin', 'Asia/Calcutta', '+05:30', machineZone()])(
    'can be %j',
    (zone) => {
      expect(isTimeZone(zone)).toBe(true);
    },
  );

  it.each(['', ' ', 'Berlin', 'Europe/Berlin ', 'Mars/Olympus', 'Etc/Unknown', '25', '\0', 'UTC,UTC'])(
    'cannot be %j',
    (zone) => {
      expect(isTimeZone(zone)).toBe(false);
    },
  );
});
