import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { limits } from '../config/limits.js';
import { BrowserLogin } from '../login/browser-login.js';
import { DeviceLogin } from '../login/device-login.js';
import type { Login } from '../login/login.js';
import { Logins } from '../login/logins.js';
import { throwLoginProblem } from './problems/login-problem.js';
import { loginView } from './login-view.js';
import { Problem } from './problems/problem.js';

const beginSchema = z.strictObject({ name: z.string().nullish() }).nullish();
const pastedSchema = z.strictObject({ url: z.string().max(limits.callbackUrlChars) });

/** Logins of accounts: begun here, allowed by a person in a browser, and in the pool at the end. */
@Controller('admin/login')
export class LoginController {
  constructor(
    private readonly logins: Logins,
    private readonly browser: BrowserLogin,
    private readonly device: DeviceLogin,
  ) {}

  /** 201 with `url`, the page to open. 409 when the browser could not come back, 429 when too many are open. */
  @Post('browser')
  async beginBrowser(@Body() body: unknown) {
    const { login, url } = await this.browser.begin(nameIn(body)).catch(throwLoginProblem);
    return { ...loginView(login), url };
  }

  /** 201 with `userCode`, and `verificationUrl`, where it is to be typed. 502 when none can be had. */
  @Post('device')
  async beginDevice(@Body() body: unknown) {
    return loginView(await this.device.begin(nameIn(body)).catch(throwLoginProblem));
  }

  @Get(':id')
  login(@Param('id') id: string) {
    return loginView(this.found(id));
  }

  /** Takes the callback address that a browser elsewhere has ended on; answers with the login as it ended. */
  @Post(':id/callback')
  @HttpCode(200)
  async callback(@Param('id') id: string, @Body() body: unknown) {
    const login = this.found(id);
    const parsed = pastedSchema.safeParse(body);
    if (!parsed.success)
      throw new Problem(400, 'bad_body', 'The body is {"url": "<the whole callback address>"}.');
    return loginView(await this.browser.takePasted(login, parsed.data.url).catch(throwLoginProblem));
  }

  /** Cancels a login that waits. One that has ended stays as it ended. */
  @Delete(':id')
  cancel(@Param('id') id: string) {
    const after = this.logins.change(this.found(id), { kind: 'cancelled' });
    if (after.state.kind !== 'completing') return loginView(after);
    throw new Problem(
      409,
      'login_completing',
      'This login was allowed a moment ago, and its account is being added.',
    );
  }

  private found(id: string): Login {
    const login = this.logins.find(id);
    if (login === null)
      throw new Problem(404, 'unknown_login', 'No such login is remembered; only the last ones are.');
    return login;
  }
}

function nameIn(body: unknown): string | null {
  const parsed = beginSchema.safeParse(body);
  if (parsed.success) return parsed.data?.name ?? null;
  throw new Problem(400, 'bad_body', 'The body is empty, or {"name": "<name of the account>"}.');
}
