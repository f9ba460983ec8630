/** The text that edit puts into an editor and takes back. Pure, but for loading the YAML library. */
import { NsctlError } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'

/** Where our comments end: what stands above it is dropped again. */
const END_OF_COMMENTS = '# ---'

/** The YAML under a head that says how to go on, and what was wrong with the last try. */
export function editText(yaml: string, object: string, fault: NsctlError | undefined): string {
  const head = [
    `# ${object}: save and leave to apply, leave unchanged or empty to cancel.`,
    '# Lines above the dashes are dropped.',
    ...(fault === undefined ? [] : ['#', ...faultLines(fault)]),
    END_OF_COMMENTS,
  ]
  return `${head.join('\n')}\n${body(yaml)}`
}

/** The text without our head. */
export function body(text: string): string {
  const at = text.indexOf(`${END_OF_COMMENTS}\n`)
  return text.startsWith('# ') && at !== -1 ? text.slice(at + END_OF_COMMENTS.length + 1) : text
}

/** Each fault once, as comments. */
function faultLines(fault: NsctlError): readonly string[] {
  const faults = fault.issues.length > 0 ? fault.issues : [fault.message]
  return faults.flatMap((text) =>
    text.split('\n').map((line, i) => (i === 0 ? `# error: ${line}` : `#   ${line}`)),
  )
}

/** Whether nothing but comments is left. */
export function isEmptied(edited: string): boolean {
  return edited.split('\n').every((line) => line.trim() === '' || line.trimStart().startsWith('#'))
}

/** Whether the text, our head apart, is what it was. */
export function isUnedited(edited: string, before: string): boolean {
  return body(edited).trim() === body(before).trim()
}

/** The one object in the text. Invalid where it is none, or several. */
export async function readEdited(edited: string, file: string): Promise<AnyResource> {
  const { parseManifests } = await import('../resources/manifest.ts')
  // the head keeps its lines, so that the positions of errors are those of the file
  const manifests = await parseManifests(edited, { source: file })
  const [only] = manifests
  if (only === undefined || manifests.length > 1)
    throw new NsctlError('Invalid', `there must be exactly one object, not ${manifests.length}`)
  return only.object
}

/** $VISUAL, $EDITOR, vi. */
export function editorCommand(env: Readonly<Record<string, string | undefined>>): string {
  return env.VISUAL || env.EDITOR || 'vi'
}
