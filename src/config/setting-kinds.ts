import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { isLoopbackName } from '../runtime/loopback.js';
import { Secret } from '../runtime/secret.js';
import { readAllowedHosts } from './allowed-hosts.js';
import { readPath } from './path-setting.js';

/** An empty environment variable counts as not set. */
export const setting = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema);

export const integer = (min: number, max: number, fallback: number) =>
  setting(
    z
      .string()
      .regex(/^\d+$/, `expected a whole number from ${min} to ${max}`)
      .transform(Number)
      .refine((it) => it >= min && it <= max, `expected a whole number from ${min} to ${max}`)
      .default(fallback),
  );

const flagOf = (fallback: '0' | '1') =>
  setting(
    z
      .enum(['0', '1', 'true', 'false'], { error: 'expected 0 or 1' })
      .default(fallback)
      .transform((it) => it === '1' || it === 'true'),
  );

export const flag = flagOf('0');
/** A flag that is on unless it is set to 0. */
export const flagOn = flagOf('1');

export const path = (fallback: string) =>
  setting(
    z
      .string()
      .default(fallback)
      .transform((it, context) => {
        const read = readPath(it);
        if (read.kind === 'path') return read.path;
        context.addIssue({ code: 'custom', message: read.fault });
        return z.NEVER;
      }),
  );

/** An address of any server, which gets no token of an account. */
export const notifyUrl = setting(
  z
    .string()
    .transform((it, context) => {
      const url = /^[\x21-\x7e]{1,2000}$/.test(it) && URL.canParse(it) ? new URL(it) : null;
      const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
      if (url !== null && isWeb && url.username === '' && url.password === '') return url;
      const message = 'expected an http or https address without user and password';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .optional(),
).transform((it) => it ?? null);

export const baseUrl = (fallback: string) =>
  setting(
    z
      .string()
      .default(fallback)
      .transform((it, context) => {
        // The parser would drop line breaks and outer spaces.
        const url = /^[\x21-\x7e]+$/.test(it) && URL.canParse(it) ? new URL(it) : null;
        const fits =
          url !== null &&
          (url.protocol === 'http:' || url.protocol === 'https:') &&
          url.search === '' &&
          url.hash === '' &&
          url.username === '' &&
          url.password === '';
        if (fits && isPrivate(url)) return url;
        const message = fits
          ? 'expected https, because tokens go there; http is only for this machine'
          : `expected an https address without query, such as ${fallback}`;
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }),
  );

/**
 * Returns whether tokens are safe on the way to an address. Tests need addresses that are not loopback: `0.0.0.0` is this
 * machine, and names below `.test` are reserved (RFC 6761).
 */
function isPrivate({ protocol, hostname }: URL): boolean {
  const isForTests = hostname === '0.0.0.0' || hostname.endsWith('.test');
  return protocol === 'https:' || isLoopbackName(hostname) || isForTests;
}

export const token = setting(
  z
    .string()
    .regex(/^[\x21-\x7e]{8,}$/, 'expected at least 8 visible ASCII characters, no spaces')
    .transform((it) => new Secret(it))
    .optional(),
).transform((it) => it ?? null);

export const listenAddress = setting(
  z
    .string()
    .default('127.0.0.1:8989')
    .transform((it, context) => {
      const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/i.exec(it);
      const host = match?.[1] ?? match?.[2] ?? '';
      const port = Number(match?.[3]);
      const isWhole = match !== null && (match[1] === undefined || isIPv6(match[1]));
      if (isWhole && port <= 65_535) return { host, port };
      context.addIssue({
        code: 'custom',
        message: 'expected host:port, such as 127.0.0.1:8989 or [::1]:8989',
      });
      return z.NEVER;
    }),
);

export const hostNames = setting(
  z
    .string()
    .default('')
    .transform((it, context) => {
      const { names, faults } = readAllowedHosts(it);
      for (const message of faults) context.addIssue({ code: 'custom', message });
      return names;
    }),
);
