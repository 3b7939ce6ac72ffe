import { notice } from './state/notice.js';
import { Button } from './ui/button.js';

/** The result of the last action. */
export function NoticeLine() {
  const shown = notice.value;
  return (
    <div class="notice" role="status">
      {shown === null ? null : (
        <div class={shown.isFailure ? 'notice-text failure' : 'notice-text'}>
          <span>{shown.text}</span>
          <Button kind="quiet" label="Close the notice" onClick={() => (notice.value = null)}>
            ✕
          </Button>
        </div>
      )}
    </div>
  );
}
