import { describe, expect, it } from 'vitest';
import { absoluteForm } from './absolute-form.js';

describe('a target in absolute form', () => {
  it.each([
    ['http://127.0.0.1:8989/v1/models?a=1', '127.0.0.1:8989', '/v1/models?a=1'],
    ['HTTPS://[::1]/x', '[::1]', '/x'],
    ['http://localhost', 'localhost', '/'],
    ['http://localhost?x', 'localhost', '/?x'],
    ['http://localhost#x', 'localhost', '/#x'],
    ['http:///v1/models', '', '/v1/models'],
    ['http://localhost@evil.example/x', 'localhost@evil.example', '/x'],
    ['http://localhost//x', 'localhost', '//x'],
  ])('%s has the authority %s and the target %s', (url, authority, target) => {
    expect(absoluteForm('GET', url)).toEqual({ authority, target });
  });

  it('means the whole server for OPTIONS without a path', () => {
    expect(absoluteForm('OPTIONS', 'http://localhost')).toEqual({ authority: 'localhost', target: '*' });
    expect(absoluteForm('OPTIONS', 'http://localhost/')).toEqual({ authority: 'localhost', target: '/' });
  });

  it.each(['/v1/models', '/http://x/', '*', '', 'localhost:8989', 'ftp://localhost/x', 'http:/x', '//x/'])(
    'is not %j',
    (url) => {
      expect(absoluteForm('GET', url)).toBeNull();
    },
  );
});
