import type { Operations } from './operation.js';

export const programOperations: Operations = {
  'GET /admin/settings': {
    id: 'getSettings',
    tag: 'Program',
    summary: 'All settings in force, with their sources. Tokens are only `set` or `not set`.',
    responses: { 200: { about: 'The settings.', json: 'Settings' } },
  },
  'PATCH /admin/settings': {
    id: 'changeSettings',
    tag: 'Program',
    summary:
      'Changes policy, debug mode or the address for alerts, at once and across restarts; null returns to the configured value.',
    body: { json: 'SettingsPatch', isRequired: true },
    responses: { 200: { about: 'The settings, and whether the change is stored.', json: 'ChangedSettings' } },
    problems: { 400: ['bad_settings'] },
  },
  'GET /admin/doctor': {
    id: 'getDoctor',
    tag: 'Program',
    summary:
      'Makes the checks of `codex-pool doctor` in a process of its own, and returns the findings. It names no person and holds no token.',
    responses: { 200: { about: 'The checks, with or without findings.', json: 'Doctor' } },
    problems: { 503: ['checks_failed', 'checks_too_slow', 'stopping'] },
  },
  'GET /healthz': {
    id: 'getHealth',
    tag: 'Health',
    summary: 'Whether the process works, and the state of the pool.',
    responses: {
      200: { about: 'It works, with or without something that is unavailable.', json: 'Health' },
      503: { about: 'It cannot work, or is stopping.', json: 'Health' },
    },
  },
  'GET /readyz': {
    id: 'getReadiness',
    tag: 'Health',
    summary: 'Whether a turn would be served now, as the selector sees it.',
    responses: {
      200: { about: 'It would.', json: 'Readiness' },
      503: { about: 'It would not.', json: 'Readiness' },
    },
  },
  'GET /metrics': {
    id: 'getMetrics',
    tag: 'Health',
    summary: 'Metrics for Prometheus.',
    responses: { 200: { about: 'The metrics.', type: 'text/plain' } },
  },
  'GET /admin/openapi.json': {
    id: 'getOpenApi',
    tag: 'Program',
    summary: 'This document.',
    responses: {
      200: { about: 'The document.', type: 'application/json' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
    problems: { 404: ['not_built'] },
  },
  'GET /admin/docs': {
    id: 'getDocs',
    tag: 'Program',
    summary: 'This document as a page for people.',
    responses: { 200: { about: 'The page.', type: 'text/html' } },
    problems: { 404: ['not_built'] },
  },
  'GET /admin/session': {
    id: 'getPageSession',
    tag: 'Program',
    summary: 'How this browser may use the page.',
    responses: {
      200: { about: 'Whether a token is set, and until when the browser is signed in.', json: 'PageSession' },
    },
  },
  'POST /admin/session': {
    id: 'signIn',
    tag: 'Program',
    summary:
      'Signs a browser in with `PROXY_ADMIN_TOKEN`, and sets its cookie. Also takes the form of the page.',
    body: { json: 'SignIn', isRequired: true },
    responses: {
      204: { about: 'Signed in.', type: 'none' },
      303: { about: 'Signed in by the form; leads to the page.', type: 'none' },
    },
    problems: {
      400: ['bad_body'],
      403: ['wrong_token'],
      409: ['no_token_set'],
      429: ['too_many_tries'],
    },
  },
  'DELETE /admin/session': {
    id: 'signOut',
    tag: 'Program',
    summary: 'Signs the browser out.',
    responses: { 204: { about: 'Signed out.', type: 'none' } },
  },
};
