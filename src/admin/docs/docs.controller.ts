import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { isKnownToClient } from '../lists/entity-tag.js';
import { apiDocumentSchema } from './api-document.js';
import { DocumentFile } from './document-file.js';
import { contentSecurityPolicy, docsPage } from './docs-page.js';

/** Serves the OpenAPI document, for programs and for people. */
@Controller('admin')
export class DocsController {
  constructor(private readonly file: DocumentFile) {}

  @Get('openapi.json')
  async document(
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): Promise<string | undefined> {
    const text = await this.file.read();
    if (isKnownToClient(req, res, text)) return undefined;
    res.type('application/json');
    return text;
  }

  @Get('docs')
  @Header('content-security-policy', contentSecurityPolicy)
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('x-content-type-options', 'nosniff')
  @Header('referrer-policy', 'no-referrer')
  async page(): Promise<string> {
    return docsPage(apiDocumentSchema.parse(JSON.parse(await this.file.read())));
  }
}
