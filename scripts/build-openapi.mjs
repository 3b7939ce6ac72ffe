// Writes `dist/openapi.json` from the compiled program. In Nest's preview mode no provider is created, so that nothing
// is opened, read or listened on.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { openApiDocument } from '../dist/admin/openapi/document.js';
import { builtPageFolder } from '../dist/admin/page/page-files.js';
import { AppModule } from '../dist/bootstrap/app.module.js';
import { loadConfig } from '../dist/config/app.config.js';
import { RecentErrors } from '../dist/observability/recent-errors.js';
import { systemClock } from '../dist/runtime/clock.js';
import { systemAddresses } from '../dist/runtime/network-detector.js';

const module = AppModule.register(
  loadConfig({}),
  systemClock,
  systemAddresses,
  new RecentErrors(),
  () => undefined,
  [],
  builtPageFolder,
);
const app = await NestFactory.create(module, { preview: true, logger: false, abortOnError: false });
const target = fileURLToPath(new URL('../dist/openapi.json', import.meta.url));
writeFileSync(target, `${JSON.stringify(openApiDocument(app))}\n`);
