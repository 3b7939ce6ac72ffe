import { describe, expect, it } from 'vitest';
import { directHosts, isDirect } from './direct-hosts.js';

describe('NO_PROXY', () => {
  it.each([
    ['chatgpt.com', 'chatgpt.com', 443, true],
    ['chatgpt.com', 'auth.chatgpt.com', 443, true],
    ['.chatgpt.com', 'chatgpt.com', 443, true],
    ['*.chatgpt.com', 'a.b.chatgpt.com', 443, true],
    ['ChatGPT.com.', 'chatgpt.COM', 443, true],
    ['chatgpt.com', 'chatgpt.com.', 443, true],
    ['chatgpt.com', 'notchatgpt.com', 443, false],
    ['com', 'chatgpt.com', 443, true],
    ['chatgpt.com:443', 'chatgpt.com', 443, true],
    ['chatgpt.com:8443', 'chatgpt.com', 443, false],
    ['other.example, chatgpt.com', 'chatgpt.com', 443, true],
    ['other.example chatgpt.com', 'chatgpt.com', 443, true],
    ['*', 'chatgpt.com', 443, true],
    ['other.example,*', 'chatgpt.com', 443, true],
    ['', 'chatgpt.com', 443, false],
    [',, ,', 'chatgpt.com', 443, false],
    ['.', 'chatgpt.com', 443, false],
    [':', 'chatgpt.com', 443, false],
    ['10.0.0.1', '10.0.0.1', 443, true],
    ['10.0.0.1:80', '10.0.0.1', 443, false],
    ['10.0.0.0/8', '10.20.30.40', 443, true],
    ['10.0.0.0/8', '11.0.0.1', 443, false],
    ['10.0.0.0/8', 'ten.example', 443, false],
    ['10.0.0.0/33', '10.0.0.1', 443, false],
    ['10.0.0.0/', '10.0.0.1', 443, false],
    ['fd00::/8', 'fd12::1', 443, true],
    ['fd00::1', 'fd00::1', 443, true],
    ['[fd00::1]:443', 'fd00::1', 443, true],
    ['[fd00::1]:80', 'fd00::1', 443, false],
    ['<local>', 'chatgpt.com', 443, false],
  ])('%j and %s:%i: direct is %s', (value, host, port, expected) => {
    expect(isDirect(directHosts(value), host, port)).toBe(expected);
  });
});
