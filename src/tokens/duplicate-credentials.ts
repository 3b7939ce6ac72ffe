import type { CredentialFile } from './credential-store.js';
import { identityOf, isNewerGeneration } from './credential.js';

/**
 * Of several files of one account only the one with the newest tokens stays a credential, the first by name among
 * equals: two owners of one token family would end each other. The others say which one is used.
 */
export function withoutDuplicates(files: readonly CredentialFile[]): CredentialFile[] {
  const used = new Map<string, CredentialFile & { kind: 'ok' }>();
  for (const file of files) {
    if (file.kind === 'broken') continue;
    const id = identityOf(file.name, file.credential);
    const other = used.get(id);
    // Only a time that is told makes one the newer: what tells none may be of any age.
    const isNewer =
      other === undefined ||
      (isNewerGeneration(other.credential, file.credential) &&
        !isNewerGeneration(file.credential, other.credential));
    if (isNewer) used.set(id, file);
  }
  return files.map((file) => {
    if (file.kind === 'broken') return file;
    const it = used.get(identityOf(file.name, file.credential));
    if (it === undefined || it === file) return file;
    return { kind: 'broken', name: file.name, reason: `the same account as ${it.name}.json, which is used` };
  });
}
