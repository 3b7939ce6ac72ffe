/** Makes the part of the event stream that `GET /admin/summary` serves. */
export abstract class SummarySource {
  abstract summary(): object;
}
