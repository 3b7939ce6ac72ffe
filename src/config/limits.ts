const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KiB = 1_024;
const MiB = 1_024 * KiB;

/** Every number of the program that is no setting, in one place. Times in ms, sizes in bytes. */
export const limits = {
  /** Upstream connection: DNS, TCP and TLS together. */
  connectMs: 10 * SECOND,
  /** Silence on an upstream connection, before the answer or within it. There is no limit on the whole. */
  idleStreamMs: 15 * MINUTE,
  /** Sockets to one upstream; above it requests would queue unseen. */
  upstreamSockets: 4_096,
  /** A pause of the client between two requests on one connection; longer than any client keeps one. */
  keepAliveMs: 120 * SECOND,

  /** Bodies kept for replay, all requests together. */
  replayBytesInTotal: 256 * MiB,
  /** An inflated request body that is looked into for its session key. */
  inflatedBodyBytes: 16 * MiB,

  /** How long an event stream is held for its first output, counted from its first byte, and how much of it. */
  peekMs: 10 * SECOND,
  peekBytes: MiB,
  /** How much of a response without a label is read to see whether it starts like an event stream. */
  streamStartBytes: 4 * KiB,
  /** How much of a refusal is read to understand it, and how long that may take. */
  refusalBytes: 64 * KiB,
  refusalMs: 5 * SECOND,
  /** What is read of an answer that is thrown away, so that its connection can be used again. */
  drainBytes: 256 * KiB,
  drainMs: 2 * SECOND,
  /** The final event of a stream, which carries its usage. */
  finalEventBytes: 32 * MiB,
  /** The start of any other event: enough to read its type. */
  eventHeadBytes: 512,

  /** A client that goes on sending a body which nobody takes any more. */
  unreadBodyMs: 30 * SECOND,

  /** The second attempt on the same account after a network fault or an upstream error. */
  sameAccountPauseMs: 250,
  /** No further attempt is begun for a request that is older than this. */
  attemptsMs: 5 * MINUTE,

  /** A WebSocket at upstream: connection and handshake together; less than a client waits for its own. */
  socketHandshakeMs: 10 * SECOND,
  /** What is left of a stop after the drain time: closing sockets, the last writes. */
  stopMs: 10 * SECOND,
  /** The largest frame that passes. */
  frameBytes: 32 * MiB,
  /** What waits in a WebSocket for a slow reader before the other side is paused. */
  socketBacklogBytes: MiB,
  /** A WebSocket on which no turn runs and nothing comes. */
  idleSocketMs: HOUR,
  /** A closing handshake that the other side does not answer. */
  socketCloseMs: SECOND,

  affinitySessions: 10_000,
  affinityIdleMs: 7 * DAY,
  /** Of each kind: turn states, responses, files. */
  pins: 10_000,
  /** An id of a response or a file that is longer is none. */
  pinnedIdChars: 200,
  /** Words of one body that may be ids of files. */
  fileWordsPerBody: 20_000,
  /** An answer that names a new file. */
  fileResponseBytes: 64 * KiB,
  decisions: 1_000,
  recentErrors: 20,
  modelRefusalsPerAccount: 200,

  /** Refresh ahead of expiry by cron; Codex itself does at 5 min, so beside it the refresh is ours. */
  refreshLeewayMs: 15 * MINUTE,
  /** Refresh on the request path: a token that ends sooner might end on the way. */
  refreshOnRequestMs: 60 * SECOND,
  /** Lifetime that is assumed from `last_refresh` when an access token tells none (as Codex does). */
  assumedTokenLifetimeMs: 8 * DAY,
  /** The token endpoint's answer is waited for this long: one that comes late still brings the only good tokens. */
  refreshTimeoutMs: 5 * MINUTE,
  /** How long anybody waits for a refresh, a stop included. */
  refreshPatienceMs: 30 * SECOND,
  /** Between two refreshes that nobody waits for: so much, and up to so much more by chance. */
  refreshSpacingMs: SECOND,
  refreshJitterMs: SECOND,
  /** Longest wait for another process that refreshes the same account. */
  lockPatienceMs: 25 * SECOND,
  /** What is kept free on disk for the new tokens of each account, twice. */
  journalRoomBytes: 64 * KiB,
  /** Refresh tokens of one account that are remembered as used up while a disk refuses their successors. */
  spentTokens: 100,
  /** A clock that differs from upstream's by less is right: answers take their time. */
  clockSkewMs: 2 * MINUTE,
  refreshBackoffFirstMs: 30 * SECOND,
  refreshBackoffMaxMs: 15 * MINUTE,
  credentialFileBytes: MiB,
  poolFiles: 1_000,
  accountLabelLength: 100,
  furthestPriority: 1_000,
  /** Above it an account would as good as never serve; that is what pausing is for. */
  highestReserveRatio: 0.95,
  mostInFlight: 10_000,
  /** After a change in the pool folder it is read once nothing has changed for so long, or at the latest after that. */
  folderQuietMs: 400,
  folderQuietAtMostMs: 2 * SECOND,
  /** How often it is looked at whether the folders are still those that are watched; the files, too, if none can be. */
  folderTickMs: 2 * SECOND,
  /** How often the files are looked at, whatever the watcher says; and when watching is tried again. */
  folderLookMs: MINUTE,
  /** How long the watcher may take to begin. */
  folderReadyMs: 5 * SECOND,
  /** A file that cannot be used counts as half-written until it was left alone for so long, and no longer than that. */
  partialWriteMs: 2 * SECOND,
  partialWriteAtMostMs: 10 * SECOND,
  partialWriteLookMs: 250,

  /** A login of an account, from its start until a person has allowed it. */
  loginMs: 15 * MINUTE,
  /** Logins that are remembered, open and ended ones together. */
  logins: 20,
  /** Where the browser comes back to: Codex's own ports, the second one for when the first is taken. */
  loginPorts: [1_455, 1_457],
  /** How often open logins are looked at: what has expired, which device login is to be asked for. */
  loginTickMs: SECOND,
  loginCallMs: 30 * SECOND,
  /** The pause between two questions for a device login, unless another one is told within these bounds. */
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
  /** How long a client waits for a newer list while there is one that it could have. */
  modelsPatienceMs: SECOND,
  modelsBytes: 8 * MiB,
  modelsClients: 16,

  unauthorizedCooldownMs: 5 * MINUTE,
  forbiddenCooldownMs: 5 * MINUTE,
  forbiddenCooldownMaxMs: HOUR,
  notEntitledMs: HOUR,
  rateLimitFirstMs: 2 * SECOND,
  rateLimitMaxMs: 60 * SECOND,
  quotaUnknownMs: 5 * MINUTE,
  /** The longest window that is believed where none is known. */
  quotaLongestMs: 31 * DAY,
  upstreamErrorsInARow: 3,
  upstreamErrorFirstMs: 30 * SECOND,
  upstreamErrorMaxMs: 5 * MINUTE,
  /** A refusal so soon after newer evidence has ended one: that was wrong, and the next poll has to wait as long. */
  clearedInVainMs: MINUTE,
  /** How long a request waits for an account that has as many in flight as it may. */
  fullAccountMs: 5 * SECOND,
  /** Sessions of which it is remembered what in their history another account has made. */
  crossAccountSessions: 200,
  /** Accounts that are remembered to have met one trouble of upstream. */
  upstreamTroubleAccounts: 16,
  /** Pieces of work that wait for the database. */
  databaseQueue: 100,
  databaseRetryFirstMs: SECOND,
  databaseRetryMaxMs: 30 * SECOND,
  /** Turns, samples, sessions and owners that wait to be written; above it the oldest is dropped, and counted. */
  unwrittenRecords: 10_000,
  unwrittenSamples: 2_000,
  unwrittenSessions: 10_000,
  unwrittenEvidence: 10_000,
  /** How far the last success on record may lag behind: a turn that is served is no reason to write. */
  successOnRecordMs: 5 * MINUTE,
  unwrittenPins: 10_000,
  /** Rows of each kind in one transaction. */
  writeBatch: 500,
  writePauseMs: 500,
  writeAtStopMs: 5 * SECOND,
  retentionStepRows: 1_000,
  /** Models asked for this often, over this long, and never a turn: the turns go elsewhere. */
  bypassModelRequests: 6,
  bypassMs: 10 * MINUTE,
  /** How long what a client's login has shown is taken as known. */
  loginLookMs: MINUTE,
  /** No real access token lasts longer. */
  realTokenLongestMs: 366 * DAY,
  /** A cooldown that ends within this is told to the client as a short wait. */
  shortWaitMs: 60 * SECOND,
  windowsPerAccount: 16,
  accountsWithTotals: 10_000,
  usageBuckets: 10_000,
} as const;
