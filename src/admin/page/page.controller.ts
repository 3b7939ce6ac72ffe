import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Problem } from '../problems/problem.js';
import { PageFiles } from './page-files.js';
import { pageHeaders, wantsHtml } from './page-headers.js';
import { StatusText } from './status-text.js';

const TO_BUILD = 'The page is not built: run `npm run build`.';

/** The operator's page: HTML for a browser, a short text for other programs. */
@Controller()
export class PageController {
  constructor(
    private readonly files: PageFiles,
    private readonly status: StatusText,
  ) {}

  @Get(['/', 'dashboard'])
  async page(@Req() req: Request, @Res() res: Response): Promise<void> {
    const isBrowser = wantsHtml(req.headers.accept);
    const page = isBrowser ? await this.files.page() : null;
    if (page !== null) return void res.set(pageHeaders).send(page.index);
    res.set({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', vary: 'accept' });
    res.send(this.status.lines(isBrowser ? TO_BUILD : null));
  }

  /** A file of the page. It needs no token: it holds nothing of the pool. */
  @Get('assets/:name')
  async asset(@Param('name') name: string, @Req() req: Request, @Res() res: Response): Promise<void> {
    const asset = (await this.files.page())?.assets.get(name);
    if (asset === undefined) throw new Problem(404, 'unknown_route', 'The page has no such file.');
    res.set({
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    });
    if (req.acceptsEncodings('gzip') === false) return void res.send(asset.body);
    res.set('content-encoding', 'gzip').send(asset.gzipped);
  }
}
