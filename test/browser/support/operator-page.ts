import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { z } from 'zod';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const findings = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ target: z.array(z.unknown()), html: z.string() })) }),
);

const SETTLED_MS = 40_000;

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
  /** Default: Europe/Berlin. */
  readonly zone?: string;
  /** Called before the page is opened: for permissions, and for scripts that run before those of the page. */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
}

/** The operator's page in a browser of its own, and everything that the browser complains about. */
export class OperatorPage implements AsyncDisposable {
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
    readonly origin: string,
  ) {
    page.on('console', (it) => this.complaints.push(`${it.type()}: ${it.text()} (${it.location().url})`));
    page.on('pageerror', (it) => this.complaints.push(`uncaught: ${it.message}`));
  }

  /** Opens an address such as `/?view=turns`, and waits until the page is live. */
  static async open(
    browser: Browser,
    origin: string,
    address = '/',
    { width = 1_280, height = 900, theme = 'light', zone = 'Europe/Berlin', prepare }: PageOptions = {},
  ): Promise<OperatorPage> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: zone,
    });
    context.setDefaultTimeout(10_000);
    await prepare?.(context);
    const opened = new OperatorPage(context, await context.newPage(), origin);
    await opened.goTo(address);
    return opened;
  }

  /** Drops a file with this text on an element. */
  async drop(selector: string, name: string, text: string): Promise<void> {
    const file = `new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, { type: 'application/json' })`;
    const dataTransfer = await this.page.evaluateHandle(
      `(() => { const data = new DataTransfer(); data.items.add(${file}); return data; })()`,
    );
    await this.page.locator(selector).dispatchEvent('drop', { dataTransfer });
  }

  async goTo(address: string): Promise<void> {
    await this.page.goto(this.origin + address);
    await this.page.getByText('● live').waitFor();
  }

  /** Resolves when the page says this as the result of an action. */
  async says(text: string | RegExp): Promise<void> {
    await this.page.getByRole('status').getByText(text).waitFor();
  }

  /** The complaints apart from those that Chromium makes of each refusal of the API. */
  get unexpectedComplaints(): string[] {
    return this.complaints.filter((it) => !it.startsWith('error: Failed to load resource'));
  }

  /** Resolves when nothing is loading; the checks of the set-up take seconds. */
  async settled(): Promise<void> {
    for (const it of [this.page.getByText('Loading …'), this.page.locator('[aria-busy="true"]')])
      await it.first().waitFor({ state: 'hidden', timeout: SETTLED_MS });
  }

  /** The accessibility faults of what is shown now, as axe-core finds them. */
  async axeFindings(): Promise<string[]> {
    await this.page.evaluate(axe);
    const found = await this.page.evaluate('axe.run(document).then((it) => it.violations)');
    return findings
      .parse(found)
      .flatMap(({ id, nodes }) =>
        nodes.map((it) => `${id}: ${it.target.join(' ')} ${it.html.slice(0, 200)}`),
      );
  }

  /** How far the page can be scrolled sideways, CSS pixels. */
  async sidewaysScroll(): Promise<number> {
    const overflow = 'document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth';
    return z.number().parse(await this.page.evaluate(overflow));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}
