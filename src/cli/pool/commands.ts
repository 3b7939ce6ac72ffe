import type { Command } from 'commander';
import type { Output } from '../command/output.js';

/** Adds the commands that show and change the pool: status, accounts, login, import, pause, resume, remove, backup. */
export function addPoolCommands(_program: Command, _output: Output): void {}
