import type { Command } from 'commander';
import type { Output } from '../command/output.js';

const actions = async () => await import('./service-actions.js');

/** Adds the commands that keep the proxy running: service install, remove, status, print. */
export function addServiceCommands(program: Command, output: Output): void {
  const service = program
    .command('service')
    .description('Keep the proxy running: install, remove, status, print.');
  service
    .command('install')
    .description('Start it now and at each login, for the folder in which this is run.')
    .action(async () => (await actions()).installService(output));
  service
    .command('remove')
    .description('Stop it, and remove the service.')
    .action(async () => (await actions()).removeService(output));
  service
    .command('status')
    .description('Tell whether the service is installed, runs, and answers.')
    .option('--json', 'as JSON', false)
    .action(async (flags: { readonly json: boolean }) => (await actions()).serviceStatus(flags, output));
  service
    .command('print')
    .description("Show the service's file without writing it.")
    .action(async () => (await actions()).printService(output));
}
