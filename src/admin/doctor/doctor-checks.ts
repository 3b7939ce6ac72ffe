import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { type DoctorReport, doctorReportSchema, type DoctorView } from '../../api/doctor.js';
import { limits } from '../../config/limits.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { Drain } from '../../runtime/drain.js';
import { Problem } from '../problems/problem.js';

const addressSchema = z.object({ address: z.string(), family: z.string(), port: z.number() });

/** Runs `codex-pool doctor` as a process of its own, since its checks block their thread. One at a time. */
@Injectable()
export class DoctorChecks {
  /** The command line, in the folder of the build, also when the sources are run. */
  cli = fileURLToPath(new URL('../../../dist/cli/cli.js', import.meta.url));
  /** The environment and the folder of the program: the checks see the same settings. */
  env: NodeJS.ProcessEnv = process.env;
  folder = process.cwd();
  limitMs: number = limits.doctorMs;

  private readonly stopped = new AbortController();
  private running: Promise<DoctorView> | null = null;

  constructor(
    private readonly adapter: HttpAdapterHost,
    @Inject(CLOCK) private readonly clock: Clock,
    drain: Drain,
  ) {
    drain.onStart(() => this.stopped.abort());
  }

  /** Returns what the checks find; a request while they run gets the same report. @throws Problem if they could not be made */
  async report(): Promise<DoctorView> {
    this.running ??= this.check().finally(() => (this.running = null));
    return await this.running;
  }

  private async check(): Promise<DoctorView> {
    if (this.stopped.signal.aborted) throw new Problem(503, 'stopping', 'codex-pool is stopping.');
    const report = await this.run();
    return { ...report, checkedAt: this.clock.now() };
  }

  private async run(): Promise<DoctorReport> {
    const { promise, resolve, reject } = Promise.withResolvers<DoctorReport>();
    const options = {
      cwd: this.folder,
      env: { ...this.env, ...this.listenAddress() },
      timeout: this.limitMs,
      killSignal: 'SIGKILL',
      maxBuffer: limits.doctorBytes,
      signal: this.stopped.signal,
    } as const;
    execFile(process.execPath, [this.cli, 'doctor', '--json'], options, (error, stdout) => {
      // Code 1 is an answer, too: something was found.
      const isAnswer = error === null || (error.code === 1 && error.killed !== true);
      const report = isAnswer ? reportIn(stdout) : null;
      if (report === null) reject(problemOf(error, this.stopped.signal.aborted));
      else resolve(report);
    });
    return await promise;
  }

  /** The address where the program listens: with port 0 in the settings, the system has chosen one. */
  private listenAddress(): NodeJS.ProcessEnv {
    const parsed = addressSchema.safeParse(this.adapter.httpAdapter.getHttpServer().address());
    if (!parsed.success) return {};
    const { address, family, port } = parsed.data;
    return { PROXY_LISTEN_ADDR: `${family === 'IPv6' ? `[${address}]` : address}:${port}` };
  }
}

function reportIn(text: string): DoctorReport | null {
  try {
    return doctorReportSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** The fault of a child process; one with a `code` in words could not start, or had too much output. */
interface ChildFault {
  readonly killed?: boolean | undefined;
  readonly code?: number | string | null | undefined;
}

function problemOf(error: ChildFault | null, isStopping: boolean): Problem {
  if (isStopping) return new Problem(503, 'stopping', 'codex-pool is stopping.');
  const remedy = 'Run `codex-pool doctor` in a terminal.';
  if (error?.killed === true && typeof error.code !== 'string') {
    return new Problem(503, 'checks_too_slow', `The checks did not end in time. ${remedy}`);
  }
  return new Problem(503, 'checks_failed', `The checks could not be made. ${remedy}`);
}
