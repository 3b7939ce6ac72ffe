import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An instruction of a Dockerfile, with its text after the name. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** A stage: its base image, its name, and its instructions in order. */
export interface Stage {
  readonly base: string;
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** Instructions that the simulated image understands; any other one is an error here, not ignored. */
const known = 'FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE HEALTHCHECK CMD'.split(' ');

/** Reads the Dockerfile of the project. @throws Error for an instruction that is not known here */
export function stages(): Stage[] {
  const found: { base: string; name: string; instructions: Instruction[] }[] = [];
  const lines = readFileSync(`${root}Dockerfile`, 'utf8').replaceAll('\\\n', ' ').split('\n');
  for (const line of lines.filter((it) => it !== '' && !it.startsWith('#'))) {
    const [, name = '', text = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (!known.includes(name)) throw new Error(`not known here: ${line}`);
    const [base = '', , stage = ''] = text.split(' ');
    if (name === 'FROM') found.push({ base, name: stage, instructions: [] });
    else found.at(-1)?.instructions.push({ name, text });
  }
  return found;
}

/** Returns the texts of all instructions of a name in the last stage, which is the image. */
export function imageTexts(name: string): string[] {
  return (stages().at(-1)?.instructions ?? []).filter((it) => it.name === name).map((it) => it.text);
}

/** Returns the environment that the image sets. */
export function imageEnvironment(): Record<string, string> {
  return Object.fromEntries(
    imageTexts('ENV').map((it) => [it.split('=')[0] ?? '', it.replace(/^[^=]*=/, '')]),
  );
}

/** Returns the command of an instruction in its form as a list. @throws SyntaxError for the form with a shell */
export function commandOf(text: string): string[] {
  const parsed: unknown = JSON.parse(text.slice(text.indexOf('[')));
  if (!Array.isArray(parsed)) throw new SyntaxError(`no list: ${text}`);
  return parsed.map(String);
}

/** Returns the names that `.dockerignore` lets into the build. @throws Error unless it excludes all others */
export function contextNames(): string[] {
  const lines = readFileSync(`${root}.dockerignore`, 'utf8').split('\n');
  const [first, ...rest] = lines.filter((it) => it !== '' && !it.startsWith('#'));
  if (first !== '*' || rest.some((it) => !it.startsWith('!')))
    throw new Error('.dockerignore lets too much in');
  return rest.map((it) => it.slice(1));
}
