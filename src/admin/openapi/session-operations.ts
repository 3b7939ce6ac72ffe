import { forgetSchema, listSchema } from '../sessions/session-question.js';
import type { Operations, ProblemCodes } from './operation.js';

const ofAccount = 'Name of an account; by default, of all.';
const unknown: ProblemCodes = { 404: ['unknown_session'] };

export const sessionOperations: Operations = {
  'GET /admin/affinity': {
    id: 'listSessions',
    tag: 'Sessions',
    summary: 'The sessions and their accounts, last used first; `Link` names the page of older ones.',
    query: {
      schema: listSchema,
      about: {
        account: ofAccount,
        limit: 'Maximum number of entries.',
        cursor: 'The one in the header `Link` of a page.',
      },
    },
    responses: {
      200: { about: 'The sessions.', json: 'Session[]' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
    problems: { 400: ['bad_query'] },
  },
  'DELETE /admin/affinity': {
    id: 'forgetSessions',
    tag: 'Sessions',
    summary: 'Forgets all sessions, or those of one account.',
    query: { schema: forgetSchema, about: { account: ofAccount } },
    responses: { 200: { about: 'How many were forgotten.', json: 'Forgotten' } },
    problems: { 400: ['bad_query'], 404: ['no_account'] },
  },
  'GET /admin/affinity/{session}': {
    id: 'getSession',
    tag: 'Sessions',
    summary: 'One session.',
    responses: { 200: { about: 'The session.', json: 'Session' } },
    problems: unknown,
  },
  'PUT /admin/affinity/{session}': {
    id: 'moveSession',
    tag: 'Sessions',
    summary: 'Moves a session at its next turn, if the account can serve then.',
    body: { json: 'SessionMove', isRequired: true },
    responses: { 200: { about: 'The session, with `movesTo`.', json: 'Session' } },
    problems: { 400: ['bad_body'], 404: ['unknown_session', 'no_account'] },
  },
  'DELETE /admin/affinity/{session}': {
    id: 'forgetSession',
    tag: 'Sessions',
    summary: 'Forgets a session: its next turn is placed like that of a new one.',
    responses: { 200: { about: 'It was forgotten.', json: 'Forgotten' } },
    problems: unknown,
  },
};
