import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TornFiles } from './torn-files.js';

/** Brings the folders in order: what a crash has left behind, before the pool folder is read. */
@Injectable()
export class FolderCleanupCron implements OnModuleInit {
  constructor(private readonly torn: TornFiles) {}

  async onModuleInit(): Promise<void> {
    await this.torn.complete();
  }
}
