import { useSignal } from '@preact/signals';
import { minute } from '../state/clock.js';
import { useResource } from '../state/resource.js';
import { Loaded } from '../ui/section.js';
import { QuotaHistory } from '../use/quota-section.js';
import type { QuotaSample } from '../use/quota-series.js';

const SPAN_MS = 7 * 24 * 3_600_000;

/** The windows of the last 7 days with marks at their resets; loaded when it is opened. */
export function WindowHistory({ name }: { name: string }) {
  const isOpen = useSignal(false);
  return (
    <details class="account-part" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>History of the last 7 days</summary>
      {isOpen.value ? <LastDays name={name} /> : null}
    </details>
  );
}

function LastDays({ name }: { name: string }) {
  const since = useSignal(minute.peek() - SPAN_MS);
  const path = `/admin/accounts/${encodeURIComponent(name)}/quota?since=${since.value}`;
  const samples = useResource<readonly QuotaSample[]>(path);
  return (
    <Loaded resource={samples}>{(all) => <QuotaHistory samples={all} to={null} account={name} />}</Loaded>
  );
}
