/** `nsctl store upgrade`, as far as users' kinds go: what is stored of them in the version that is stored now. */
import { type Rewritten, rewriteStored } from '../../api/rewrite.ts'
import { type StoreChoice, withStore } from './export.ts'

/** What was, or in a dry run would be, written anew of each kind. May run beside a daemon and everything else. */
export async function rewriteVersions(
  work: StoreChoice & { readonly dryRun: boolean },
): Promise<readonly Rewritten[]> {
  return withStore({ ...work, readOnly: work.dryRun }, (store) => rewriteStored(store, work))
}
