import type { Command } from 'commander';
import type { Output } from '../command/output.js';

/** Adds the commands that point Codex at the proxy: setup, undo, codex. */
export function addSetupCommands(_program: Command, _output: Output): void {}
