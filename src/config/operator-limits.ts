import { DAY, KiB, MiB, MINUTE, SECOND } from './units.js';

/** The numbers of the operator's side: its API, page, live events and alerts. Times in ms, sizes in bytes. */
export const operatorLimits = {
  /** Sessions on a page of their list. */
  sessionPage: 1_000,
  /** Open event streams of the operator (`GET /admin/events`). */
  eventListeners: 20,
  /** How often changes are looked for while one is open, if something is known to have changed. */
  eventTickMs: 250,
  /** How many of these ticks pass until changes by time alone are looked for, and until a comment is sent. */
  eventSlowTicks: 4,
  eventCommentTicks: 60,
  /** A listener that has more than this unsent, or has read nothing for this many ticks, is dropped. */
  eventBacklogBytes: MiB,
  eventStalledTicks: 120,
  /** Time for a dropped listener to read why. */
  eventLingerMs: SECOND,
  /** Events kept for listeners that come back, and for how long after the last one has left. */
  eventsKept: 200,
  eventsKeptBytes: MiB,
  eventsKeptMs: MINUTE,
  /** Requests in the event stream: the newest, and older ones that still run. */
  eventRequests: 50,
  eventRunningRequests: 200,
  /** Candidates of a request in lists and in the event stream. */
  listedCandidates: 8,
  /** How often the pool is looked at for alerts, if there is an address for them. */
  alertTickMs: SECOND,
  /** The same alert is not sent again for this long; how many are remembered for that. */
  alertPauseMs: 10 * MINUTE,
  alertsRemembered: 2_000,
  /** A low quota window must gain this share before it can be low again. */
  alertQuotaMargin: 0.05,
  /** Alerts that wait to be sent; the oldest is dropped first. */
  queuedAlerts: 50,
  alertTimeoutMs: 5 * SECOND,
  /** Tries of one alert, and the ticks from one to the next: doubles from the first value up to the second. */
  alertTries: 5,
  alertRetryFirstTicks: 2,
  alertRetryMaxTicks: 60,
  /** Accounts in one import, and the characters of a name that its response repeats. */
  importedAccounts: 100,
  importedNameChars: 200,
  /** Problems in the summary; those above it are counted. */
  summaryProblems: 50,
  /** Buckets on a page of the usage report; converting more rows would delay streams. */
  usageGroups: 1_000,
  /** Hourly sums that a page of the usage report adds up: those of a month of a large pool. */
  usagePageRollups: 25_000,
  /** Recorded turns that one page of the list of requests looks through, and the wait for the database. */
  scannedTurns: 20_000,
  requestListMs: 3 * SECOND,
  /** Size of the file of prices. */
  pricesBytes: MiB,
  /** Groups in a usage report: the largest projects, sessions, … */
  usageSplitGroups: 500,
  /** Turns, the newest ones, of which a usage report takes percentiles. */
  usagePercentileTurns: 10_000,
  /** Accounts in a usage report. */
  usageAccounts: 1_000,
  /** Samples on a page of a quota history. */
  quotaSamples: 1_000,
  /** Time for the checks of `codex-pool doctor`, and the size of their output. */
  doctorMs: 45 * SECOND,
  doctorBytes: MiB,
  /** Files of the built page that are kept in memory, and their bytes. */
  pageAssets: 50,
  pageAssetBytes: 4 * MiB,
  /** Browsers that are signed in to the page; one more ends the oldest session. */
  pageSessions: 100,
  pageSessionMs: 7 * DAY,
  /** Size of the body of a sign-in. */
  signInBytes: 8 * KiB,
  /** Wrong tokens of one address before it must wait, the waits, and the addresses that are remembered. */
  signInFreeTries: 5,
  signInWaitFirstMs: SECOND,
  signInWaitMaxMs: 30 * SECOND,
  signInPeers: 1_000,
  /** The longest wait after wrong tokens in a header: shorter, since programs on one address share it. */
  headerWaitMaxMs: 5 * SECOND,
  /** Wrong tokens of an address that do not count again, and how long after the last one all are forgotten. */
  wrongTokensKept: 20,
  wrongTokensKeptMs: 10 * MINUTE,
} as const;
