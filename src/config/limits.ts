import { operatorLimits } from './operator-limits.js';
import { DAY, HOUR, KiB, MiB, MINUTE, SECOND } from './units.js';

/** Every number in the program that is not a setting. Times in ms, sizes in bytes. */
export const limits = {
  ...operatorLimits,

  /** Opening an upstream connection: DNS, TCP and TLS together. */
  connectMs: 10 * SECOND,
  /** Silence on an upstream connection, before or within a response. The whole response has no time limit. */
  idleStreamMs: 15 * MINUTE,
  /** Idle time after which a kept connection to upstream is not used again. */
  idleConnectionMs: 30 * SECOND,
  /** Silence on a reused connection, before the first byte of a response, that is given up if a probe succeeds. */
  silentMs: MINUTE,
  /** Time for the probe: a new connection to the same host. */
  probeMs: 5 * SECOND,
  /** Interval of the check for idle and silent connections. */
  connectionTickMs: SECOND,
  /** Sockets to one upstream; further requests would queue unnoticed. */
  upstreamSockets: 4_096,
  /** Names of client headers whose treatment is remembered. */
  judgedHeaders: 1_000,
  /** Idle time of a client connection between two requests; longer than any client keeps one open. */
  keepAliveMs: 120 * SECOND,

  /** Size of the head of a request or a response, without the separators of its fields. */
  headBytes: 64 * KiB,
  /** Requests of one client connection that are served at a time; more wait for their responses. */
  pipelinedRequests: 4,
  /** Time for a client to read the response to a broken request before its connection is closed. */
  lingerMs: 2 * SECOND,

  /** Memory for replayable bodies, all requests together. */
  replayBytesInTotal: 256 * MiB,
  /** Inflated size of a request body that is parsed for its session key. */
  inflatedBodyBytes: 16 * MiB,

  /** Longest hold of an event stream for its first output, from its first byte, and the bytes held. */
  peekMs: 10 * SECOND,
  peekBytes: MiB,
  /** Bytes of an unlabelled response that are read to see whether an event stream starts. */
  streamStartBytes: 4 * KiB,
  /** Bytes of a refusal that are read to understand it, and the time for that. */
  refusalBytes: 64 * KiB,
  refusalMs: 5 * SECOND,
  /** Bytes and time spent on a discarded response, so that its connection can be reused. */
  drainBytes: 256 * KiB,
  drainMs: 2 * SECOND,
  /** Size of a stream's final event, which carries the token counts. */
  finalEventBytes: 32 * MiB,
  /** Bytes of a JSON response that are kept to find its token counts, at its beginning and at its end. */
  jsonTapBytes: 64 * KiB,
  /** Bytes at the start of any other event: enough to read its type. */
  eventHeadBytes: 512,

  /** Standstill of a request body after which it is given up. */
  bodyStallMs: 30 * SECOND,
  /** How often all connections are looked at for that. */
  bodyCheckMs: SECOND,
  /** Size of a body for a local route, the time for all of it, and the memory of all such bodies. */
  localBodyBytes: 64 * KiB,
  localBodyMs: 10 * SECOND,
  localBodyBytesInTotal: 16 * MiB,
  /** Time for a client to finish sending a body that is no longer needed. */
  unreadBodyMs: 30 * SECOND,

  /** Pause before the second attempt on the same account after a network fault or an upstream error. */
  sameAccountPauseMs: 250,
  /** Age of a request after which no further attempt starts. */
  attemptsMs: 5 * MINUTE,

  /** Opening an upstream WebSocket, connection and handshake together; less than a client waits for its own. */
  socketHandshakeMs: 10 * SECOND,
  /** Time that a stop leaves to requests that are not turns and are not event streams. */
  sideStopMs: 2 * SECOND,
  /** Time after the drain for the rest of shutdown: a refresh that waits for its response, the last writes. */
  stopMs: 40 * SECOND,
  /** Size of the largest WebSocket message. */
  messageBytes: 32 * MiB,
  /** Bytes queued for a slow WebSocket reader before the sender is paused. */
  socketBacklogBytes: MiB,
  /** WebSockets of clients, pending handshakes included. Each has one at upstream, or two while a turn moves. */
  clientSockets: 1_000,
  /** Idle time of a WebSocket without a turn. */
  idleSocketMs: HOUR,
  /** Interval of the pings to upstream on a WebSocket, and the wait for a pong or any other byte after one. */
  socketPingMs: 30 * SECOND,
  socketPongMs: 30 * SECOND,
  /** Interval of the check for due pings and overdue pongs. */
  socketCheckMs: 5 * SECOND,
  /** Wait for the other side of a closing handshake. */
  socketCloseMs: SECOND,

  affinitySessions: 10_000,
  affinityIdleMs: 7 * DAY,
  /** Pins of each kind: turn states, responses, files. */
  pins: 10_000,
  /** Longer ids of responses and files are ignored. */
  pinnedIdChars: 200,
  /** Words of one body that are checked for file ids. */
  fileWordsPerBody: 20_000,
  /** Size of a response that names a new file. */
  fileResponseBytes: 64 * KiB,
  requestLogEntries: 1_000,
  /** Length of turn metadata that is parsed for its folder, and the bytes at a message's end that are searched for it. */
  turnMetadataChars: 16 * KiB,
  turnMetadataTailBytes: 64 * KiB,
  /** Length of a project's or a front end's name. */
  recordedNameChars: 60,
  /** Projects whose names are kept, in memory and in the database. */
  projects: 1_000,
  queuedProjects: 1_000,
  /** Lag of a project's stored last use. */
  projectOnRecordMs: HOUR,
  recentErrors: 20,
  /** Scopes of one account with evidence: itself, its meters, models, features. */
  scopesPerAccount: 200,

  /** Refresh by cron this long before expiry. Codex refreshes 5 min before, so the pool comes first. */
  refreshLeewayMs: 15 * MINUTE,
  /** Refresh on the request path this long before expiry, so that no token expires on its way. */
  refreshOnRequestMs: 60 * SECOND,
  /** Lifetime assumed from `last_refresh` if an access token has no expiry, as Codex assumes. */
  assumedTokenLifetimeMs: 8 * DAY,
  /** Wait for the token endpoint: even a late response brings the only good tokens. */
  refreshTimeoutMs: 5 * MINUTE,
  /** Longest wait of a request, or of shutdown, for a refresh. */
  refreshPatienceMs: 30 * SECOND,
  /** Pause between two background refreshes, and a random addition up to the second value. */
  refreshSpacingMs: SECOND,
  refreshJitterMs: SECOND,
  /** Longest wait for another process that refreshes the same account. */
  lockPatienceMs: 25 * SECOND,
  /** Interval at which a held lock checks that its file was not deleted, and the time that others leave it for that. */
  lockWatchMs: 100,
  relockGraceMs: 1.5 * SECOND,

  /** Size of a journal slot, reserved on disk for new tokens; each account has two. */
  journalRoomBytes: 64 * KiB,
  /** Spent refresh tokens remembered per account while the disk refuses their successors. */
  spentTokens: 100,
  /** Smaller differences from upstream's clock are ignored: responses take time. */
  clockSkewMs: 2 * MINUTE,
  /** Answers whose `date` headers must agree, how closely, and over what time, before they correct the clock. */
  clockAnswers: 3,
  clockAgreementMs: 5 * SECOND,
  clockSpanMs: SECOND,
  refreshBackoffFirstMs: 30 * SECOND,
  refreshBackoffMaxMs: 15 * MINUTE,
  credentialFileBytes: MiB,
  poolFiles: 1_000,
  /** Age of a file in `.removed/` at which it is deleted. */
  removedFileMs: 30 * DAY,
  /** Texts of credential files in memory, for their other fields if another program breaks them. */
  lastTextsBytes: 8 * MiB,
  accountLabelLength: 100,
  maxPriority: 1_000,
  /** A higher reserve would keep an account from serving at all; pause it instead. */
  maxReserveRatio: 0.95,
  maxInFlight: 10_000,
  longestPauseMs: 366 * DAY,
  /** The pool folder is read after this much quiet following a change, or after the second value at the latest. */
  folderQuietMs: 400,
  folderQuietAtMostMs: 2 * SECOND,
  /**
   * Interval of the check that the watched folders are still the same; also of file checks if watching is
   * impossible.
   */
  folderTickMs: 2 * SECOND,
  /** Interval of file checks regardless of the watcher, and of new attempts to watch. */
  folderCheckMs: MINUTE,
  /** Time for the watcher to start. */
  folderReadyMs: 5 * SECOND,
  /** An unusable file counts as a partial write until it was unchanged this long, at most for the second value. */
  partialWriteMs: 2 * SECOND,
  partialWriteAtMostMs: 10 * SECOND,
  partialWriteCheckMs: 250,

  /** Time for a person to approve a login. */
  loginMs: 15 * MINUTE,
  /** Logins kept in memory, open and ended ones together. */
  logins: 20,
  /** Ports of the browser callback: Codex's own, the second if the first is taken. */
  loginPorts: [1_455, 1_457],
  /** Interval of the check for expired logins and due device polls. */
  loginTickMs: SECOND,
  loginCallMs: 30 * SECOND,
  /** Pause between two polls of a device login, unless the server names another within these bounds. */
  devicePollMs: 5 * SECOND,
  devicePollMinMs: SECOND,
  devicePollMaxMs: MINUTE,
  callbackConnections: 16,
  callbackHeadMs: 10 * SECOND,
  callbackUrlChars: 8 * KiB,

  pollTimeoutMs: 10 * SECOND,
  configBundleMs: 5 * SECOND,
  configBundleBytes: MiB,
  modelsTtlMs: 5 * MINUTE,
  modelsMs: 15 * SECOND,
  /** Wait for a newer model list if an older one is available. */
  modelsPatienceMs: SECOND,
  modelsBytes: 8 * MiB,
  modelsClients: 16,

  unauthorizedCooldownMs: 5 * MINUTE,
  /** After a 403, other accounts are preferred for this long. */
  forbiddenMs: 5 * MINUTE,
  notEntitledMs: HOUR,
  /** Pause after a rate limit with a `Retry-After` of 0 or in the past. */
  rateLimitZeroMs: SECOND,
  rateLimitFirstMs: 2 * SECOND,
  rateLimitMaxMs: 60 * SECOND,
  quotaUnknownMs: 5 * MINUTE,
  /** The longest quota window accepted if none is known. */
  quotaLongestMs: 31 * DAY,
  upstreamErrorsInARow: 3,
  upstreamErrorFirstMs: 30 * SECOND,
  upstreamErrorMaxMs: 5 * MINUTE,
  /**
   * A refusal this soon after newer evidence cleared the previous one shows that the evidence was wrong; the next
   * poll waits as long.
   */
  prematureClearMs: MINUTE,
  /** Wait of a request for an account at its in-flight limit. */
  fullAccountMs: 5 * SECOND,
  /** Reasoning items of one body; with more, none is removed. */
  reasoningItemsPerBody: 20_000,
  /** Sessions whose cross-account items are remembered. */
  crossAccountSessions: 200,
  /** Accounts remembered per upstream problem. */
  upstreamTroubleAccounts: 16,
  /** Operations waiting for the database. */
  databaseQueue: 100,
  databaseRetryFirstMs: SECOND,
  databaseRetryMaxMs: 30 * SECOND,
  /** A migration of the database that lasts longer is logged. */
  slowMigrationMs: 3 * SECOND,
  /** Rows waiting to be written; above the limit the oldest is dropped and counted. */
  queuedRecords: 10_000,
  queuedSamples: 2_000,
  queuedSessions: 10_000,
  queuedEvidence: 10_000,
  /** Lag of the stored last success, so that served turns cause few writes. */
  successOnRecordMs: 5 * MINUTE,
  queuedPins: 10_000,
  /** Rows of each kind in one transaction. */
  writeBatch: 500,
  writePauseMs: 500,
  writeAtStopMs: 5 * SECOND,
  /** How long an operator's change waits to learn whether it is stored. */
  writeAtOnceMs: 3 * SECOND,
  retentionStepRows: 1_000,
  /** Pause between two steps of retention, so that on a busy machine the database's thread leaves time for streams. */
  retentionPauseMs: 20,
  /** Free pages of the database that are given back in one step, and those that are kept for new rows (1 MiB). */
  freePagesStep: 200,
  freePagesKept: 256,
  /** Free share of a database from an older version above which it is rewritten, once, so that it can give space back. */
  freeRatioToRewrite: 0.1,
  /** Pause after space could not be given back. */
  giveSpaceBackPauseMs: DAY,
  /** This many model requests over this time without a turn suggest that turns bypass the proxy. */
  bypassModelRequests: 6,
  bypassMs: 10 * MINUTE,
  /** Interval between two checks of a client's login. */
  loginCheckMs: MINUTE,
  /** No real access token lasts longer. */
  realTokenLongestMs: 366 * DAY,
  /** Cooldowns that end sooner are reported to the client as a short wait. */
  shortWaitMs: 60 * SECOND,
  windowsPerAccount: 16,
  /** Named meters of one account; upstream reports a handful. */
  metersPerAccount: 1_000,
  /** Models remembered for each named meter. */
  modelsPerMeter: 20,
  accountsWithTotals: 10_000,
  /** Local days whose sums are in memory. */
  daysWithSums: 2,
  /** Quota windows that are read at startup. */
  restoredQuotaWindows: 10_000,
} as const;
