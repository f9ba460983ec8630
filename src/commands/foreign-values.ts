/** Values out of what sops and agenix have encrypted, opened with this user's identity. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf, NsctlError } from '../core/errors.ts'
import { isValueKey, VALUE_KEY_RULE } from '../resources/value-key.ts'
import type { Identity } from '../secrets/identity.ts'
import { readAgenix } from '../secrets/sources/agenix.ts'
import { readSops } from '../secrets/sources/sops.ts'
import type { CommandContext } from './context.ts'
import type { SecretValueFlags } from './value-flags.ts'

/** @throws NsctlError Usage and Invalid for the flags; Invalid for a file that cannot be read; what the readers throw */
export async function foreignValues(
  given: SecretValueFlags,
  context: CommandContext,
  identities: readonly Identity[],
): Promise<readonly (readonly [key: string, value: Uint8Array])[]> {
  const found: (readonly [string, Uint8Array])[] = []
  for (const name of given['from-sops'] ?? [])
    found.push(...(await readSops(await bytesOf(name, context), identities, name)))
  for (const text of given['from-agenix'] ?? []) {
    const { key, name } = keyAndFile(text)
    found.push([key, await readAgenix(await bytesOf(name, context), identities, name)])
  }
  return found
}

function keyAndFile(text: string): { readonly key: string; readonly name: string } {
  const cut = text.indexOf('=')
  const [key, name] = [text.slice(0, Math.max(cut, 0)), text.slice(cut + 1)]
  if (cut <= 0 || name === '' || !isValueKey(key))
    throw new NsctlError('Usage', `--from-agenix needs KEY=FILE, not ${JSON.stringify(text)}`, {
      value: text,
      next: VALUE_KEY_RULE,
    })
  return { key, name }
}

async function bytesOf(name: string, context: CommandContext): Promise<Uint8Array> {
  if (name === '-') return context.readStdin()
  try {
    return readFileSync(resolve(context.cwd, name))
  } catch (cause) {
    throw new NsctlError('Invalid', `${name} cannot be read: ${messageOf(cause)}`, { value: name, cause })
  }
}
