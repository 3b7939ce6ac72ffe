import { querySchema as quotaQuery } from '../accounts/quota-question.js';
import type { RefusedImport } from '../accounts/account-import.js';
import { databaseProblems, folderProblems, mergedProblems } from './common-problems.js';
import type { Operations, ProblemCodes } from './operation.js';

/** The status of an import whose only item is refused, by its code. */
const importRefusals = {
  bad_name: 400,
  not_auth_json: 422,
  no_tokens: 422,
  api_key_only: 422,
  personal_access_token: 422,
  agent_identity: 422,
  bedrock_login: 422,
  organization_id: 422,
  placeholder_login: 422,
  no_account: 422,
  contradictory_account: 422,
  no_refresh_token: 422,
  older_tokens: 409,
  spent_tokens: 409,
  name_taken: 409,
  pool_full: 409,
  not_written: 503,
} satisfies Record<RefusedImport['code'], number>;

const importProblems: ProblemCodes = mergedProblems(
  ...Object.entries(importRefusals).map(([code, status]) => ({ [status]: [code] })),
  { 400: ['nothing_to_import', 'too_many_accounts'], 422: ['import_refused'] },
  folderProblems,
);

export const accountOperations: Operations = {
  'GET /admin/accounts': {
    id: 'listAccounts',
    tag: 'Accounts',
    summary: 'All accounts and broken files, by name.',
    responses: {
      200: { about: 'The accounts.', json: 'Account[]' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
  },
  'POST /admin/accounts': {
    id: 'importAccounts',
    tag: 'Accounts',
    summary: "Imports Codex's auth.json, one with a name, or an array of these, each separately.",
    body: { json: 'AccountImport', isRequired: true },
    responses: {
      201: { about: 'All were imported.', json: 'ImportResult[]' },
      207: { about: 'Some were imported.', json: 'ImportResult[]' },
    },
    problems: importProblems,
  },
  'GET /admin/accounts/{name}': {
    id: 'getAccount',
    tag: 'Accounts',
    summary: 'One account, or one broken file.',
    responses: { 200: { about: 'The account.', json: 'Account' } },
  },
  'PATCH /admin/accounts/{name}': {
    id: 'configureAccount',
    tag: 'Accounts',
    summary: 'Changes settings of an account. Turns in flight are not affected.',
    body: { json: 'AccountPatch', isRequired: true },
    responses: { 200: { about: 'The account after the change.', json: 'ChangedAccount' } },
    problems: { 400: ['bad_settings'] },
  },
  'DELETE /admin/accounts/{name}': {
    id: 'removeAccount',
    tag: 'Accounts',
    summary: 'Moves the file of an account, or a broken file, to `.removed` in the pool folder.',
    responses: { 200: { about: 'Where the file is now.', json: 'RemovedAccount' } },
    problems: mergedProblems(folderProblems, { 503: ['refresh_failed'] }),
  },
  'GET /admin/accounts/{name}/quota': {
    id: 'getQuotaHistory',
    tag: 'Accounts',
    summary:
      'History of the quota windows, in time order; the header `Link` names the page of older samples.',
    query: {
      schema: quotaQuery,
      about: {
        since: 'Only samples since this time, epoch ms.',
        limit: 'Maximum number of samples; the newest are kept.',
        cursor: 'The one in the header `Link` of a page.',
      },
    },
    responses: {
      200: { about: 'The newest samples.', json: 'QuotaSample[]' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
    problems: mergedProblems(databaseProblems, { 400: ['bad_query'] }),
  },
  'POST /admin/accounts/{name}/refresh': {
    id: 'refreshAccount',
    tag: 'Accounts',
    summary: 'Refreshes the token, due or not. Puts the kept tokens of a broken file back into it.',
    responses: { 200: { about: 'The account with its new token.', json: 'Account' } },
    problems: mergedProblems(folderProblems, {
      409: ['refresh_disabled', 'needs_login'],
      502: ['refresh_failed'],
      503: ['not_written'],
    }),
  },
  'POST /admin/accounts/{name}/reset': {
    id: 'resetAccount',
    tag: 'Accounts',
    summary: 'Clears the evidence against the account, such as a cooldown. Spent quota windows stay.',
    responses: { 200: { about: 'The account after the change.', json: 'ChangedAccount' } },
  },
  'POST /admin/accounts/{name}/poll': {
    id: 'pollAccount',
    tag: 'Accounts',
    summary: "Asks upstream for the account's quota.",
    responses: { 200: { about: 'The account with its quota.', json: 'Account' } },
    problems: { 502: ['poll_failed'] },
  },
  'POST /admin/reload': {
    id: 'reloadPool',
    tag: 'Accounts',
    summary: 'Reads the pool folder again.',
    responses: { 200: { about: 'The effect on each file, by name.', json: 'ReloadResult[]' } },
    problems: folderProblems,
  },
};
