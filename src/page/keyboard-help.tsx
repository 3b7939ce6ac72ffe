import { useEffect, useRef } from 'preact/hooks';
import { isHelpOpen, keys } from './keyboard.js';
import { Button } from './ui/button.js';

/** The list of keys, a modal dialog. */
export function KeyboardHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      <h2 id="help-title">Keys</h2>
      <dl>
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <Button onClick={() => (isHelpOpen.value = false)}>Close</Button>
    </dialog>
  );
}
