import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { limits } from '../config/limits.js';
import { BrowserLogin } from '../login/browser-login.js';
import { DeviceLogin } from '../login/device-login.js';
import type { Login } from '../login/login.js';
import { Logins } from '../login/logins.js';
import { isKnownToClient } from './lists/entity-tag.js';
import { throwLoginProblem } from './problems/login-problem.js';
import { loginView } from './login-view.js';
import { Problem } from './problems/problem.js';

export const beginSchema = z.strictObject({ name: z.string().nullish() }).nullish();
export const pastedSchema = z.strictObject({ url: z.string().max(limits.callbackUrlChars) });

/** Account logins: started here and approved by a person in a browser. The account then joins the pool. */
@Controller('admin/login')
export class LoginController {
  constructor(
    private readonly logins: Logins,
    private readonly browser: BrowserLogin,
    private readonly device: DeviceLogin,
  ) {}

  /** 201 with `url`, the page to open. 409 if the browser could not return here, 429 if too many logins are open. */
  @Post('browser')
  async beginBrowser(@Body() body: unknown) {
    const { login, url } = await this.browser.begin(nameIn(body)).catch(throwLoginProblem);
    return { ...loginView(login), url };
  }

  /** 201 with `userCode`, and `verificationUrl` where the person enters it. 502 if no code can be obtained. */
  @Post('device')
  async beginDevice(@Body() body: unknown) {
    return loginView(await this.device.begin(nameIn(body)).catch(throwLoginProblem));
  }

  /** Open logins and the most recently ended ones, newest first. */
  @Get()
  list(@Req() req: Request, @Res({ passthrough: true }) res: Response) {
    const logins = this.logins.list().map(loginView);
    return isKnownToClient(req, res, logins) ? undefined : logins;
  }

  @Get(':id')
  login(@Param('id') id: string) {
    return loginView(this.found(id));
  }

  /** Takes the callback address at which a browser on another machine ended. Returns the finished login. */
  @Post(':id/callback')
  @HttpCode(200)
  async callback(@Param('id') id: string, @Body() body: unknown) {
    const login = this.found(id);
    const parsed = pastedSchema.safeParse(body);
    if (!parsed.success)
      throw new Problem(400, 'bad_body', 'The body must be {"url": "<the whole callback address>"}.');
    return loginView(await this.browser.takePasted(login, parsed.data.url).catch(throwLoginProblem));
  }

  /** Cancels a waiting login. A finished login keeps its result. */
  @Delete(':id')
  cancel(@Param('id') id: string) {
    const after = this.logins.change(this.found(id), { kind: 'cancelled' });
    if (after.state.kind !== 'completing') return loginView(after);
    throw new Problem(
      409,
      'login_completing',
      'This login was just approved, and its account is being added.',
    );
  }

  private found(id: string): Login {
    const login = this.logins.find(id);
    if (login === null)
      throw new Problem(404, 'unknown_login', 'No such login; only the most recent logins are kept.');
    return login;
  }
}

function nameIn(body: unknown): string | null {
  const parsed = beginSchema.safeParse(body);
  if (parsed.success) return parsed.data?.name ?? null;
  throw new Problem(400, 'bad_body', 'The body must be empty, or {"name": "<name of the account>"}.');
}
