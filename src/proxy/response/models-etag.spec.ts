import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { ModelsEtag } from './models-etag.js';

/** Two versions with different lists of account b. */
function twoVersions(): ModelsEtag {
  const etags = new ModelsEtag();
  etags.serve('0.169.0', 'E169', 'b');
  etags.serve('0.170.0', 'E170', 'b');
  return etags;
}

describe('the etag of the model list', () => {
  it('is steady for each version by itself', () => {
    const etags = twoVersions();
    expect(etags.isSteady('0.169.0', 'b', 'E169')).toBe(true);
    expect(etags.isSteady('0.170.0', 'b', 'E170')).toBe(true);
    expect(etags.isStale('0.169.0') || etags.isStale('0.170.0')).toBe(false);
  });

  it('that has changed makes only the list of its version stale', () => {
    const etags = twoVersions();
    expect(etags.isSteady('0.169.0', 'b', 'E169-2')).toBe(true);
    expect([etags.isStale('0.169.0'), etags.isStale('0.170.0')]).toEqual([true, false]);
    etags.serve('0.169.0', 'E169-2', 'b');
    expect(etags.isStale('0.169.0')).toBe(false);
  });

  it('of another account is not shown', () => {
    const etags = twoVersions();
    for (const version of ['0.169.0', '0.170.0', '0.171.0', null]) {
      expect(etags.isSteady(version, 'a', 'of-a')).toBe(false);
      expect(etags.isStale(version)).toBe(false);
    }
  });

  it('is steady for a client of unknown version if any list of the account has it', () => {
    const etags = twoVersions();
    for (const version of ['0.171.0', null]) {
      expect(etags.isSteady(version, 'b', 'E169')).toBe(true);
      expect(etags.isSteady(version, 'b', 'E170')).toBe(true);
    }
    expect(etags.isStale('0.169.0') || etags.isStale('0.170.0')).toBe(false);
    expect(etags.isSteady(null, 'b', 'E-new')).toBe(true);
    expect(etags.isStale('0.169.0') && etags.isStale('0.170.0')).toBe(true);
  });

  it('is shown as long as no list was served, and with a list that has none', () => {
    const etags = new ModelsEtag();
    expect(etags.isSteady('0.169.0', 'a', 'of-a')).toBe(true);
    etags.serve('0.169.0', 'E169', 'b');
    etags.serve('0.169.0', null, 'b');
    expect(etags.isSteady('0.169.0', 'a', 'of-a')).toBe(true);
    expect(etags.isSteady('0.169.0', 'a', undefined)).toBe(true);
  });

  it('is remembered for a bounded number of versions', () => {
    const etags = new ModelsEtag();
    for (let i = 0; i <= limits.modelsClients; i += 1) etags.serve(`0.${i}.0`, `E${i}`, 'b');
    expect(etags.isSteady(null, 'a', 'E0')).toBe(false);
    expect(etags.isSteady(null, 'a', 'E1')).toBe(true);
  });
});
