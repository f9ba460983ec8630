/** A fake Vault, its clock, and a source over it. */
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import type { SecretExternal, SecretVault } from '../../../src/resources/generated/types.ts'
import { vaultSource } from '../../../src/secrets/vault/source.ts'
import { CREDENTIAL, credentials, never, refusedBy, textOf } from '../external-contract.ts'
import { vaultSpec } from '../external-fake.ts'
import { FakeVault, type FakeVaultOptions } from './fake.ts'

export const READS = ['secret/data/db', 'secret/data/other', 'secret/data/a/b c?d#ü']
export const APP_ROLE = {
  roleId: 'role-1',
  mount: 'approle',
  secretId: { name: 'login', key: 'credential' },
}

export interface VaultBench {
  readonly vault: FakeVault
  readonly clock: ManualClock
  fetch(more?: Partial<SecretVault>, path?: string): Promise<Record<string, string>>
  refused(more?: Partial<SecretVault>, path?: string): ReturnType<typeof refusedBy>
}

/** A Vault with secret/db = {password: hunter2}, a token and a role, and a source over it. */
export async function withVault(
  run: (bench: VaultBench) => Promise<void>,
  options: FakeVaultOptions = {},
): Promise<void> {
  const clock = new ManualClock()
  const vault = await new FakeVault({ clock, ...options }).start()
  vault.write('secret/data/db', '{"password":"planted-hunter2"}')
  vault.token(CREDENTIAL, { reads: READS, ttl: 0 })
  vault.role('auth/approle', 'role-1', { secretId: CREDENTIAL, grants: { reads: READS, ttl: 1200 } })
  const source = vaultSource({ clock })
  const fetch = async (more: Partial<SecretVault> = {}, path = 'db') => {
    const spec = vaultSpec(path, vault.address)
    const external = { ...spec, vault: { ...spec.vault, ...more } } as SecretExternal
    return await source.fetch(external, credentials(), never)
  }
  try {
    await run({
      vault,
      clock,
      fetch: async (...args) => textOf((await fetch(...args)).values),
      refused: (...args) => refusedBy(() => fetch(...args)),
    })
    assert.equal(vault.faults, [])
  } finally {
    source.close()
    await vault.stop()
  }
}
