/** Files as one gzipped tar archive, the same bytes for the same files. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { BLOCK_BYTES, paddingOf, writeHeader } from '../../core/tar/header.ts'

export type ArchiveEntry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }

/** Fast: what is sent to a machine nearby is not worth a better one. */
const LEVEL = 1

/** Folders are made by whoever unpacks it. */
export async function archiveOf(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const blocks: Uint8Array[] = []
  for (const entry of entries) {
    blocks.push(header(entry))
    if (entry.kind === 'link') continue
    blocks.push(entry.content)
    blocks.push(Buffer.alloc(paddingOf(entry.content.length)))
  }
  blocks.push(Buffer.alloc(2 * BLOCK_BYTES))
  return promisify(gzip)(Buffer.concat(blocks), { level: LEVEL })
}

function header(entry: ArchiveEntry): Buffer {
  // when it was made says nothing, and would make another archive of the same files
  const common = { path: entry.path, mtimeMs: 0 }
  return entry.kind === 'file'
    ? writeHeader({ ...common, type: 'file', target: '', bytes: entry.content.length, mode: entry.mode })
    : writeHeader({ ...common, type: 'symlink', target: entry.to, bytes: 0, mode: 0o777 })
}
