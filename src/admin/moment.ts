import { z } from 'zod';
import { startOfDate } from '../usage/report/local-days.js';

/** Returns the time at which a moment begins in a zone, epoch ms. */
export type Moment = (zone: string) => number;

/** A time as epoch ms, as an ISO time, or as a date: a day of the zone. */
export const moment = z.union([
  z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(
      (it): Moment =>
        () =>
          Number(it),
    ),
  z.iso.datetime({ offset: true }).transform(
    (it): Moment =>
      () =>
        Date.parse(it),
  ),
  z.iso.date().transform(
    (it): Moment =>
      (zone) =>
        startOfDate(zone, it),
  ),
]);
