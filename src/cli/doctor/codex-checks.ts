import spawn from 'cross-spawn';
import { codexHome } from '../codex-config/codex-home.js';
import { ConfigDocument, type Entry } from '../codex-config/config-document.js';
import { readConfigFile } from '../codex-config/config-file.js';
import { decodeConfig, emptyConfig } from '../codex-config/config-text.js';
import { CommandError } from '../command/command-error.js';
import type { ConfigNote } from '../setup/config-note.js';
import { configNotes } from '../setup/config-notes.js';
import { wantedKeys } from '../codex-config/wanted-keys.js';
import type { Examined } from './examined.js';
import { type CheckResult, fault, type Finding, note } from './finding.js';

const COMMAND_MS = 10_000;
/** Older ones were never seen with this program (docs/protocol.md). */
const OLDEST_MINOR = 134;
const SETUP = 'codex-pool setup';

/** Checks where Codex's `config.toml` sends its requests. */
export async function codexConfigCheck(examined: Examined): Promise<CheckResult> {
  const check = "Codex's config";
  try {
    const home = codexHome(examined.env);
    const { text, path } = await configText(home.configFile);
    const document = ConfigDocument.parse(path, text);
    const base = turnBase(document);
    const findings = [...baseFindings(base, examined), ...bypassFindings(document)];
    const wanted = wantedKeys('root-keys', examined.origin ?? '');
    for (const { code, sentence, repair } of await configNotes(home, document, wanted)) {
      const level = code === 'config-elsewhere' ? note : fault;
      findings.push(level(code, sentence, consequences[code], repair));
    }
    return { check, fact: base === null ? 'does not name the proxy' : `turns go to ${base}`, findings };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return {
      check,
      fact: 'not readable',
      findings: [
        fault(
          'config-not-readable',
          error.message,
          'Codex does not start with it, or ignores it.',
          'Repair the file.',
        ),
      ],
    };
  }
}

const consequences: Readonly<Record<ConfigNote['code'], string>> = {
  'config-elsewhere': 'Turns of that profile are not served by the pool.',
  'config-key-in-table': 'Codex goes past the proxy.',
  'config-managed': 'No turn is served by the pool, whatever `codex-pool setup` writes.',
  'config-profile-key': 'Codex ends with an error.',
  'config-system-provider': 'Turns are not served by the pool.',
};

/** Checks that Codex is installed, and not too old. */
export function codexVersionCheck({ env }: Examined): CheckResult {
  const check = 'Codex';
  const { status, stdout } = spawn.sync('codex', ['--version'], {
    env,
    encoding: 'utf8',
    timeout: COMMAND_MS,
  });
  if (status !== 0) {
    return {
      check,
      fact: 'not found',
      findings: [
        note(
          'codex-not-found',
          'There is no command `codex` on the PATH.',
          'The IDE extension and the app bring their own.',
          'npm install -g @openai/codex',
        ),
      ],
    };
  }
  const version = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? stdout.trim().slice(0, 40);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major === 0 && minor < OLDEST_MINOR;
  return {
    check,
    fact: version,
    findings: isOld
      ? [
          fault(
            'codex-old',
            `Codex ${version} is older than any that this program was tested with.`,
            'Its requests may lack what the proxy needs to keep a conversation on its account.',
            'npm install -g @openai/codex@latest',
          ),
        ]
      : [],
  };
}

async function configText(file: string): Promise<{ readonly text: string; readonly path: string }> {
  const { bytes, path } = await readConfigFile(file);
  return { text: (bytes === null ? emptyConfig : decodeConfig(path, bytes)).text, path };
}

/** Returns the base URL of the provider in use; null if that is OpenAI's own. */
function turnBase(document: ConfigDocument): string | null {
  const provider = valueOf(document.entry([], 'model_provider')) ?? 'openai';
  if (provider === 'openai') return valueOf(document.entry([], 'openai_base_url'));
  return valueOf(document.entry(['model_providers', provider], 'base_url'));
}

function valueOf(entry: Entry | null): string | null {
  return entry?.string ?? null;
}

function baseFindings(base: string | null, { origin, listener }: Examined): Finding[] {
  if (origin === null) return [];
  if (base === null) {
    return [
      note(
        'config-not-set-up',
        "Codex's config does not send turns to the proxy.",
        'They go to OpenAI with the login of Codex itself.',
        `${SETUP}, or for one run: codex-pool codex`,
      ),
    ];
  }
  if (!base.startsWith(`${origin}/`) && base !== origin) {
    return [
      fault(
        'config-other-address',
        `Codex's config sends turns to ${base}; the proxy's address is ${origin}.`,
        'The pool does not see them.',
        `${SETUP}, if that is not on purpose.`,
      ),
    ];
  }
  if (listener.kind !== 'none') return [];
  return [
    fault(
      'proxy-dead',
      `Codex's config sends turns to ${base}, where no proxy runs.`,
      'Codex cannot work, nor sign in.',
      'codex-pool start, or codex-pool undo',
    ),
  ];
}

/** Finds providers that Codex takes for OpenAI's own, whatever their address (docs/protocol.md). */
function bypassFindings(document: ConfigDocument): Finding[] {
  return document.tables.flatMap(({ path }) => {
    if (path[0] !== 'model_providers' || path.length !== 2) return [];
    const table = path.map(String);
    const base = valueOf(document.entry(table, 'base_url')) ?? '';
    const isTrap =
      valueOf(document.entry(table, 'name')) === 'OpenAI' && /\/backend-api\/codex\/?$/.test(base);
    if (!isTrap) return [];
    return [
      fault(
        'config-bypass',
        `The provider [${table.join('.')}] has the name "OpenAI" and a base_url that ends in /backend-api/codex.`,
        'Codex then goes straight to chatgpt.com, past the proxy, without a word.',
        `${SETUP}, or end base_url in /v1.`,
      ),
    ];
  });
}
