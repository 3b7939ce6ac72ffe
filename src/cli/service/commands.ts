import type { Command } from 'commander';
import type { Output } from '../command/output.js';

/** Adds the commands that keep the proxy running: service install, remove, status, print. */
export function addServiceCommands(_program: Command, _output: Output): void {}
