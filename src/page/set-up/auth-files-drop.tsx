import { useSignal } from '@preact/signals';
import { call } from '../state/api-client.js';
import { Name } from '../ui/text.js';
import { type ReadFile, readAuthFiles } from './auth-files.js';

interface FileResult {
  readonly file: string;
  readonly words: string;
  readonly isRefused: boolean;
}

type Imported =
  | { readonly result: 'added' | 'renewed'; readonly name: string }
  | { readonly result: 'refused'; readonly detail: string };

/** Takes auth.json files that are dropped or chosen, sends each for itself, and lists what became of it. */
export function AuthFiles() {
  const results = useSignal<readonly FileResult[]>([]);
  const isOver = useSignal(false);
  const isSending = useSignal(false);
  const take = async (files: FileList | null | undefined) => {
    if (files === null || files === undefined || files.length === 0 || isSending.value) return;
    isSending.value = true;
    results.value = [];
    for (const read of await readAuthFiles([...files])) results.value = [...results.value, await sent(read)];
    isSending.value = false;
  };
  return (
    <div
      class={`set-up-drop${isOver.value ? ' set-up-drop-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        void take(event.dataTransfer?.files);
      }}
    >
      <label>
        Or drop auth.json files here, or choose them:{' '}
        <input
          type="file"
          multiple
          accept=".json,application/json"
          disabled={isSending}
          onChange={({ currentTarget }) => {
            void take(currentTarget.files).then(() => (currentTarget.value = ''));
          }}
        />
      </label>
      <p class="quiet">
        Not the auth.json that Codex itself goes on using: two programs with copies of one login lock each
        other out.
      </p>
      <ul aria-live="polite">
        {results.value.map(({ file, words, isRefused }, index) => (
          <li key={index} class={isRefused ? 'set-up-refused' : undefined}>
            <span aria-hidden="true">{isRefused ? '▲' : '●'} </span>
            <Name of={file} />: {words}
          </li>
        ))}
      </ul>
    </div>
  );
}

async function sent(read: ReadFile): Promise<FileResult> {
  const { file } = read;
  if (read.kind === 'refused') return { file, words: read.detail, isRefused: true };
  const reply = await call<Imported[]>('/admin/accounts', { method: 'POST', body: read.item });
  if (!reply.ok) return { file, words: reply.problem.detail, isRefused: true };
  const [first] = reply.value;
  if (first === undefined)
    return { file, words: 'The program did not say what became of it.', isRefused: true };
  if (first.result === 'refused') return { file, words: first.detail, isRefused: true };
  const words = first.result === 'added' ? `added as ${first.name}` : `${first.name} has its new login`;
  return { file, words, isRefused: false };
}
