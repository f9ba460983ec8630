/** A secret of agenix: a file that age sealed to keys of ssh or of its own, and nothing more. */
import { openFile } from '../age.ts'
import type { Identity } from '../x25519.ts'

/**
 * The value that the file holds, as it stands.
 * @param source where it comes from, for errors
 * @throws NsctlError Failed where no identity fits; Invalid where it is no age file or damaged
 */
export function readAgenix(
  bytes: Uint8Array,
  identities: readonly Identity[],
  source: string,
): Promise<Uint8Array> {
  return openFile(bytes, identities, source)
}
