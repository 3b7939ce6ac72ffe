import { useEffect } from 'preact/hooks';
import { withFreshWait } from '../wording/verdict-words.js';
import { type View, views } from './state/address.js';
import { now } from './state/clock.js';
import { connection, live } from './state/live.js';
import { showsEmails, theme, themes } from './state/preferences.js';
import { hrefOf, view } from './state/router.js';
import { Button } from './ui/button.js';
import { Time } from './ui/text.js';
import { SignOut } from './sign-out.js';

const titles: Readonly<Record<View, string>> = {
  now: 'Now',
  turns: 'Turns',
  use: 'Use',
  sessions: 'Sessions',
  'set-up': 'Set-up',
};

/** The pool's verdict in one sentence, the state of the connection, switches, and the views. */
export function TopBar() {
  return (
    <header class="top-bar">
      <div class="top-line">
        <h1>
          <a href={hrefOf({ view: 'now' })}>codex-pool</a>
        </h1>
        <VerdictLine />
        <div class="switches">
          <LiveDot />
          <Button
            kind="quiet"
            isPressed={showsEmails.value}
            title="Show the accounts’ e-mail addresses on this page"
            onClick={() => (showsEmails.value = !showsEmails.value)}
          >
            e-mails {showsEmails.value ? '●' : '○'}
          </Button>
          <ThemeSwitch />
          <Version />
          <SignOut />
        </div>
      </div>
      <nav aria-label="Views">
        {views.map((it) => (
          <a
            key={it}
            href={hrefOf({ view: it })}
            data-title={titles[it]}
            aria-current={view.value === it ? 'page' : undefined}
          >
            {titles[it]}
          </a>
        ))}
      </nav>
    </header>
  );
}

function VerdictLine() {
  const summary = live.summary.value;
  const isThere = summary !== null;
  const title = isThere
    ? `${verdictShapes[summary.verdict.kind]} codex-pool · ${titles[view.value]}`
    : 'codex-pool';
  useEffect(() => {
    document.title = title;
  }, [title]);
  if (!isThere) return <p class="verdict quiet">Loading …</p>;
  const { verdict } = summary;
  return (
    <p class={`verdict verdict-${verdict.kind}`}>
      <span aria-hidden="true">{verdictShapes[verdict.kind]} </span>
      {withFreshWait(verdict, now.value)}
      {/* The program's own sentence: it is read out when it changes, and not each second. */}
      <span class="visually-hidden" role="status">
        {verdict.sentence}
      </span>
    </p>
  );
}

const verdictShapes = {
  serves: '●',
  'serves-last-in-line': '●',
  full: '◐',
  waits: '◐',
  'needs-person': '▲',
  'none-yet': '○',
  'way-blocked': '▲',
  stopping: '○',
} as const;

function LiveDot() {
  const state = connection.value;
  if (state.kind === 'live') return <span class="live">● live</span>;
  if (state.kind === 'connecting') return <span class="quiet">○ connecting</span>;
  return (
    <span class="stale-since" title="The connection is lost. The page connects again by itself.">
      ▲ stale since <Time at={state.since} />
    </span>
  );
}

function ThemeSwitch() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system';
  return (
    <Button
      kind="quiet"
      title={`Theme: ${theme.value}. Click for ${next}.`}
      label={`Theme: ${theme.value}`}
      onClick={() => (theme.value = next)}
    >
      ◐ {theme.value}
    </Button>
  );
}

function Version() {
  const summary = live.summary.value;
  return summary === null ? null : <span class="quiet">v{summary.version}</span>;
}
