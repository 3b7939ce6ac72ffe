import { describe, expect, it } from 'vitest';
import { readAllowedHosts } from './allowed-hosts.js';

describe('PROXY_ALLOWED_HOSTS', () => {
  it.each<[string, string[]]>([
    ['', []],
    [' , ,', []],
    ['proxy.lan', ['proxy.lan']],
    [' Proxy.LAN,, b ', ['proxy.lan', 'b']],
    ['a,A,a', ['a']],
    ['my_nas,x-1.example', ['my_nas', 'x-1.example']],
    ['192.168.1.7', ['192.168.1.7']],
    ['xn--prxy-hra.lan', ['xn--prxy-hra.lan']],
    ['fd00::1', ['fd00::1']],
    ['[FD00::1]', ['fd00::1']],
    ['fd00:0:0::1', ['fd00::1']],
    ['[::ffff:10.0.0.7]', ['::ffff:a00:7']],
  ])('%j is the names %j', (text, names) => {
    expect(readAllowedHosts(text)).toEqual({ names, faults: [] });
  });

  it.each<[string, RegExp]>([
    ['*', /"\*".*wildcard/],
    ['*.proxy.lan', /"\*\.proxy\.lan".*wildcard/],
    ['https://proxy.lan', /"https:\/\/proxy\.lan".*without a scheme/],
    ['http://proxy.lan:8989/', /without a scheme/],
    ['//proxy.lan', /without a path/],
    ['proxy.lan/', /without a path/],
    ['proxy.lan/admin', /without a path/],
    ['proxy.lan?x', /without a path/],
    ['proxy.lan:8989', /"proxy\.lan:8989".*without a port/],
    ['proxy.lan:', /without a port/],
    ['[fd00::1]:8989', /without a port/],
    ['127.0.0.1:8989', /without a port/],
    ['a.lan b.lan', /"a\.lan b\.lan".*by commas/],
    ['a.lan;b.lan', /"a\.lan;b\.lan"/],
    ['a.lan\tb.lan', /"a\.lan\\tb\.lan".*by commas/],
    ['a.lan\nb.lan', /"a\.lan\\nb\.lan".*by commas/],
    ['a\0b', /"a\\u0000b"/],
    ['.proxy.lan', /"\.proxy\.lan"/],
    ['proxy.lan.', /"proxy\.lan\."/],
    ['proxy..lan', /"proxy\.\.lan"/],
    ['prøxy.lan', /xn--prxy-hra\.lan/],
    ['[fd00::1', /./],
    ['fd00::1%eth0', /./],
    ['[proxy.lan]', /./],
    ['10.0.0', /"10\.0\.0"/],
    ['10.0.0.0/8', /without a path/],
    ['300.1.1.1', /"300\.1\.1\.1"/],
    ['x'.repeat(64), /./],
    [Array.from({ length: 130 }, () => 'x').join('.'), /./],
  ])('%j is a fault', (text, fault) => {
    const { names, faults } = readAllowedHosts(text);
    expect(names).toEqual([]);
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults[0]?.split('\n')).toHaveLength(1);
  });

  it('has a fault for each bad entry, and shows no password', () => {
    const { names, faults } = readAllowedHosts('good.lan,*,https://me:secret@x.lan,also.lan');
    expect(names).toEqual(['good.lan', 'also.lan']);
    expect(faults).toHaveLength(2);
    expect(faults.join('\n')).not.toContain('secret');
  });
});
