import type { ImportRefusal } from '../../tokens/tokens.errors.js';
import { folderProblems, mergedProblems } from './common-problems.js';
import type { Operations, ProblemCodes } from './operation.js';

const badNames = ['bad_name', 'name_taken', 'pool_full'] satisfies ImportRefusal[];
const notFound: ProblemCodes = { 404: ['unknown_login'] };
const beginProblems: ProblemCodes = mergedProblems(folderProblems, {
  400: ['bad_body', ...badNames],
  429: ['too_many_logins'],
});

export const loginOperations: Operations = {
  'GET /admin/login': {
    id: 'listLogins',
    tag: 'Logins',
    summary: 'The open logins and the most recently ended ones, newest first.',
    responses: {
      200: { about: 'The logins.', json: 'Login[]' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
  },
  'POST /admin/login/browser': {
    id: 'beginBrowserLogin',
    tag: 'Logins',
    summary: 'Begins a login by browser; `url` is the page to open on this machine.',
    body: { json: 'LoginBegin', isRequired: false },
    responses: { 201: { about: 'The login, with `url`.', json: 'Login' } },
    problems: mergedProblems(beginProblems, { 409: ['no_callback_port'] }),
  },
  'POST /admin/login/device': {
    id: 'beginDeviceLogin',
    tag: 'Logins',
    summary: 'Begins a login by device code; `userCode` is entered at `verificationUrl`.',
    body: { json: 'LoginBegin', isRequired: false },
    responses: { 201: { about: 'The login, with its code.', json: 'Login' } },
    problems: mergedProblems(beginProblems, { 502: ['login_not_begun'] }),
  },
  'GET /admin/login/{id}': {
    id: 'getLogin',
    tag: 'Logins',
    summary: 'The state of a login.',
    responses: { 200: { about: 'The login.', json: 'Login' } },
    problems: notFound,
  },
  'DELETE /admin/login/{id}': {
    id: 'cancelLogin',
    tag: 'Logins',
    summary: 'Cancels a waiting login. A finished login keeps its result.',
    responses: { 200: { about: 'The login after that.', json: 'Login' } },
    problems: mergedProblems(notFound, { 409: ['login_completing'] }),
  },
  'POST /admin/login/{id}/callback': {
    id: 'finishBrowserLogin',
    tag: 'Logins',
    summary: 'Takes the callback address at which a browser on another machine ended.',
    body: { json: 'PastedCallback', isRequired: true },
    responses: { 200: { about: 'The finished login.', json: 'Login' } },
    problems: mergedProblems(notFound, {
      400: ['bad_body', 'unreadable_callback', 'wrong_state'],
      409: ['not_waiting'],
    }),
  },
};
