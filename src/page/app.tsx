import type { ComponentType } from 'preact';
import { useErrorBoundary } from 'preact/hooks';
import { KeyboardHelp } from './keyboard-help.js';
import { NoticeLine } from './notice-line.js';
import { NowView } from './now/now-view.js';
import { SessionsView } from './sessions/sessions-view.js';
import { SetUpView } from './set-up/set-up-view.js';
import type { View } from './state/address.js';
import { failed } from './state/api-client.js';
import { connection } from './state/live.js';
import { view } from './state/router.js';
import { TopBar } from './top-bar.js';
import { TurnsView } from './turns/turns-view.js';
import { ProblemNote } from './ui/section.js';
import { UseView } from './use/use-view.js';

const shown: Readonly<Record<View, ComponentType>> = {
  now: NowView,
  turns: TurnsView,
  use: UseView,
  sessions: SessionsView,
  'set-up': SetUpView,
};

/** The page: top bar, one view, and the line that says what the last action did. */
export function App() {
  const name = view.value;
  return (
    <>
      <a class="skip" href="#view">
        Skip to the content
      </a>
      <TopBar />
      <main id="view" tabIndex={-1} class={connection.value.kind === 'stale' ? 'stale' : undefined}>
        <OneView key={name} of={shown[name]} />
      </main>
      <NoticeLine />
      <KeyboardHelp />
    </>
  );
}

/** A view that fails leaves the rest of the page as it is. */
function OneView({ of: Shown }: { of: ComponentType }) {
  const [error, retry] = useErrorBoundary();
  if (error === undefined || error === null) return <Shown />;
  const cause = error instanceof Error ? error.message : String(error);
  const { problem } = failed(0, 'page_fault', `This view has failed: ${cause}.`);
  return <ProblemNote problem={problem} onRetry={retry} />;
}
