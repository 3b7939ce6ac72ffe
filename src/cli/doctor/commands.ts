import type { Command } from 'commander';
import type { Output } from '../command/output.js';

/** Adds the command that looks for what is wrong. */
export function addDoctorCommands(_program: Command, _output: Output): void {}
