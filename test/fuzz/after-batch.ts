import { setTimeout as pause } from 'node:timers/promises';
import type { BatchKind } from './batch.js';
import { TOKEN_CANARY } from './canary.js';
import type { Figures } from './fuzzed-program.js';
import type { Setting } from './setting.js';

const LOOK_AGAIN_MS = 50;
/** Longer than the program drains a discarded response or waits for a closing handshake. */
const SETTLED_AFTER_MS = 8_000;
const MAX_DELAY_MS = 200;
/** A thread that computed less than this in a delay was kept from its core by others. */
const OWN_CPU_MS = 100;
/** No other process keeps it from its core this long. */
const STUCK_MS = 3_000;

/** The laws that hold after each batch, whatever its inputs were. */
export class AfterBatch {
  private constructor(
    private readonly setting: Setting,
    private readonly handlesBefore: Readonly<Record<string, number>>,
  ) {}

  /** Takes the figures that must be the same after each batch. */
  static async of(setting: Setting): Promise<AfterBatch> {
    const unserved = await setting.goodTurn();
    if (unserved !== null) throw new Error(`before any input: ${unserved}`);
    setting.tap.cutAll();
    let before = '';
    const { handles } = await settled(setting, (it) => before === (before = JSON.stringify(it.handles)));
    return new AfterBatch(setting, handles);
  }

  /** Everything that does not hold now. */
  async findings(kind: BatchKind): Promise<string[]> {
    const { setting } = this;
    const isUpstreamIdle = (): boolean => setting.fakeUpstream.inFlight() === 0;
    const rest = await settled(
      setting,
      (it) => it.inFlight === 0 && it.budgetBytes === 0 && isUpstreamIdle(),
    );
    const findings: string[] = [];
    if (rest.inFlight !== 0) findings.push(`requests are in flight after the batch: ${rest.inFlight}`);
    if (rest.budgetBytes !== 0) findings.push(`the replay budget holds ${rest.budgetBytes} bytes`);
    if (!isUpstreamIdle())
      findings.push(`upstream still serves requests: ${setting.fakeUpstream.inFlight()}`);
    if (kind.blamesNoAccount) findings.push(...(await this.#blamed()), ...(await this.#unserved()));
    await setting.freshAccounts();
    findings.push(...(await this.#unserved()));
    setting.tap.cutAll();
    const after = await settled(setting, (it) => this.#differingHandles(it).length === 0);
    const differing = this.#differingHandles(after);
    if (differing.length > 0) findings.push(`file handles are not as before: ${differing.join(', ')}`);
    findings.push(...faultsIn(after, setting), ...setting.tap.findings, ...leaksIn(setting));
    const delay = longer(rest.delay, after.delay);
    if (isTooLong(delay))
      findings.push(`${LOOP_DELAY} ${Math.round(delay.ms)} ms (${Math.round(delay.cpuMs)} ms of CPU)`);
    return findings;
  }

  #differingHandles({ handles }: Figures): string[] {
    const targets = new Set([...Object.keys(handles), ...Object.keys(this.handlesBefore)]);
    return [...targets]
      .filter((it) => (handles[it] ?? 0) !== (this.handlesBefore[it] ?? 0))
      .map((it) => `${it}: ${this.handlesBefore[it] ?? 0} before, ${handles[it] ?? 0} now`);
  }

  async #unserved(): Promise<string[]> {
    const unserved = await this.setting.goodTurn();
    return unserved === null ? [] : [unserved];
  }

  async #blamed(): Promise<string[]> {
    const { body } = await this.setting.call({ method: 'GET', path: '/admin/accounts' });
    const known: { name: string; reason: string | null }[] = JSON.parse(body.toString());
    return this.setting.accounts.flatMap(({ name }) => {
      const reason = known.find((it) => it.name === name)?.reason;
      if (reason === null) return [];
      return [`${name} is out, although no input may blame it: ${reason ?? 'it is unknown'}`];
    });
  }
}

/** How a finding about the loop begins. Other processes may cause one, so that it must show again. */
export const LOOP_DELAY = 'the event loop was delayed by';

type Delay = Figures['delay'];

const longer = (one: Delay, other: Delay): Delay => (one.ms > other.ms ? one : other);
const isTooLong = ({ ms, cpuMs }: Delay): boolean =>
  ms > STUCK_MS || (ms > MAX_DELAY_MS && cpuMs > OWN_CPU_MS);

/** The figures as soon as they fit, or the last ones. */
async function settled(setting: Setting, fits: (figures: Figures) => boolean): Promise<Figures> {
  const deadline = performance.now() + SETTLED_AFTER_MS;
  let delay: Delay = { ms: 0, cpuMs: 0 };
  for (;;) {
    const figures = await setting.program.figures();
    delay = longer(delay, figures.delay);
    if (fits(figures) || performance.now() > deadline) return { ...figures, delay };
    await pause(LOOK_AGAIN_MS);
  }
}

function faultsIn({ faults, uncaught }: Figures, setting: Setting): string[] {
  if (faults === 0 && uncaught === 0) return [];
  const lines = setting.program.log.split('\n').filter((it) => it.includes('fault inside the proxy'));
  return [
    `${faults} faults inside the proxy, ${uncaught} outside any connection: ${lines.slice(0, 3).join('\n')}`,
  ];
}

function leaksIn({ program, accounts }: Setting): string[] {
  const secrets = [TOKEN_CANARY, ...accounts.flatMap((it) => it.secrets())];
  return secrets.filter((it) => program.log.includes(it)).map((it) => `the log shows ${it.slice(0, 30)}…`);
}
