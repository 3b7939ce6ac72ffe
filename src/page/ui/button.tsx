import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Reply } from '../state/api-client.js';
import { say } from '../state/notice.js';

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  /** `quiet`: without a border, for actions in a row. */
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet';
  readonly disabled?: boolean;
  /** The effect of a click, if the words on it do not say it all. */
  readonly title?: string;
  readonly label?: string;
  readonly isPressed?: boolean;
}

export function Button({
  children,
  onClick,
  kind = 'plain',
  disabled,
  title,
  label,
  isPressed,
}: ButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind}`}
      onClick={onClick}
      disabled={disabled}
      title={title}
      aria-label={label}
      aria-pressed={isPressed}
    >
      {children}
    </button>
  );
}

interface ActionProps<T> extends Omit<ButtonProps, 'onClick'> {
  readonly run: () => Promise<Reply<T>>;
  /** The effect that it had, for the notice at the foot of the page. */
  readonly done: string | ((value: T) => string);
  readonly onDone?: (value: T) => void;
}

/** A button that calls the API, is disabled meanwhile, and says what it did. */
export function ActionButton<T>({ run, done, onDone, disabled, ...rest }: ActionProps<T>) {
  const isRunning = useSignal(false);
  const start = async () => {
    isRunning.value = true;
    const reply = await run();
    isRunning.value = false;
    if (!reply.ok) return say(reply.problem.detail, true);
    say(typeof done === 'string' ? done : done(reply.value));
    onDone?.(reply.value);
  };
  return <Button {...rest} disabled={disabled === true || isRunning.value} onClick={() => void start()} />;
}
