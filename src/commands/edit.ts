import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import { deepEqual } from '../core/json.ts'
import { withArticle } from '../core/words.ts'
import { type AnyResource, refOfObject, refText } from '../resources/object.ts'
import { toYamlText } from '../views/output.ts'
import { NsctlCommand } from './base.ts'
import { retryConflicts } from './conflicts.ts'
import { editText, isEmptied, isUnedited, readEdited } from './edit-text.ts'
import { openEditor } from './editor.ts'
import * as flags from './flags.ts'
import { withMemoryFolder } from './memory-folder.ts'
import { checkOutput, reportChanges } from './report.ts'
import { mustGet } from './selection.ts'
import { parseTarget, refOf } from './targets.ts'

/** A person finds the mistake sooner; a script in the editor's place would go on for ever. */
const MOST_TRIES = 10

/** `nsctl edit`: an object in an editor. */
export class Edit extends NsctlCommand {
  static override summary = 'Edit an object in your editor'
  static override examples = ['nsctl edit service/web', 'EDITOR=nano nsctl edit svc web']
  static override args = {
    type: flags.argument({ multiple: true, description: 'TYPE/NAME or TYPE NAME.' }),
  }
  static override flags = { output: flags.changeOutput }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Edit)
    checkOutput(given.output)
    const client = await this.client('write')
    const target = await parseTarget(this.words, client, 'edit')
    const ref = refOf(target, this.namespace)
    // said before the editor opens, not after somebody has written into it
    if (target.kind.internal)
      throw new NsctlError('Invalid', `${withArticle(ref.kind)} is written by nsctl only`, {
        value: ref.name,
        next: `nsctl describe ${refText(ref)} shows it`,
      })
    const object = await mustGet(client, ref)
    const result =
      ref.kind === 'Secret' ? await this.#editSecret(client, object) : await this.#edit(client, object)
    if (result === undefined) {
      this.note(`edit of ${refText(ref)} cancelled: nothing was changed`)
      return
    }
    for (const warning of result.warnings) this.note(`warning: ${warning}`)
    this.print(
      await reportChanges([result], {
        output: given.output,
        dryRun: false,
        nowMs: this.context.clock.now(),
        words: ({ verdict }) => (verdict === 'unchanged' ? 'unchanged' : 'edited'),
      }),
    )
    await this.noteIfNobodyActs(client)
  }

  async #edit(client: Client, object: AnyResource): Promise<ChangeResult | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'nsctl-edit-'))
    const file = fileIn(folder, object)
    const body = await bodyOf(object)
    const result = await this.#editUntilRight(client, object, body, file).catch(async (error: unknown) => {
      throw await keepText(error, folder, file, body)
    })
    await rm(folder, { recursive: true, force: true })
    return result
  }

  /** Somebody may write `stringData` into it: that must not lie on a disk, nor be kept. */
  async #editSecret(client: Client, object: AnyResource): Promise<ChangeResult | undefined> {
    const body = await bodyOf(object)
    return withMemoryFolder({ env: this.context.env, isDiskAllowed: false }, (folder) =>
      this.#editUntilRight(client, object, body, fileIn(folder, object)),
    )
  }

  /**
   * Opens the editor again with the error above the text until it is right or empty. Left as it was after an error, or wrong for
   * too often, it throws that error; so does a conflict, and whatever else is not the text's fault.
   */
  async #editUntilRight(
    client: Client,
    object: AnyResource,
    body: string,
    file: string,
  ): Promise<ChangeResult | undefined> {
    let fault: NsctlError | undefined
    let text = body
    for (let tries = 1; ; tries++) {
      const name = refText({ kind: object.kind, name: object.metadata.name })
      await writeFile(file, editText(text, name, fault), { mode: 0o600 })
      await openEditor(file, this.context.env)
      const edited = await readFile(file, 'utf8')
      if (isEmptied(edited)) return undefined
      if (isUnedited(edited, text)) {
        if (fault !== undefined) throw fault
        return undefined
      }
      try {
        const changed = await readEdited(edited, file)
        return await this.#replace(client, changed, object)
      } catch (error) {
        if (!isNsctlError(error, 'Invalid', 'Usage', 'TooLarge', 'Unsupported')) throw error
        if (tries === MOST_TRIES) throw object.kind === 'Secret' ? error : givenUp(error)
        // Ctrl-C reaches an editor that does not take the terminal, and means us as well
        this.context.signal.throwIfAborted()
        fault = error
        text = edited
      }
    }
  }

  /** A status that was written meanwhile is no conflict: the editor takes its time, and controllers theirs. */
  async #replace(client: Client, changed: AnyResource, object: AnyResource): Promise<ChangeResult> {
    let isFirst = true
    return retryConflicts(async () => {
      const version = object.apiVersion.slice(object.apiVersion.indexOf('/') + 1)
      const current = isFirst ? object : await mustGet(client, { ...refOfObject(object), version })
      isFirst = false
      if (!isSameIntent(current, object)) throw changedMeanwhile(object)
      const how = { actor: this.actor('edit'), verb: 'edited' as const }
      return client.replace(withIdentity(changed, current), how)
    })
  }
}

function fileIn(folder: string, { kind, metadata }: AnyResource): string {
  return join(folder, `${kind.toLowerCase()}-${metadata.name}.yaml`)
}

function bodyOf({ status: _status, ...editable }: AnyResource): Promise<string> {
  return toYamlText(editable)
}

function givenUp(error: NsctlError): NsctlError {
  return new NsctlError(error.code, error.message, {
    value: error.value,
    issues: error.issues,
    cause: error,
    next: `it was wrong ${MOST_TRIES} times in a row: correct it there, then run nsctl apply -f with that file`,
  })
}

function changedMeanwhile(object: AnyResource): NsctlError {
  const name = refText({ kind: object.kind, name: object.metadata.name })
  return new NsctlError('Conflict', `${name} was changed by another while you edited it`, {
    next: 'edit it again and make your change on what is there now',
  })
}

/** Whether two states of an object differ in nothing that a person writes. */
function isSameIntent(a: AnyResource, b: AnyResource): boolean {
  const intent = ({ status: _status, metadata, ...rest }: AnyResource) => ({
    ...rest,
    metadata: { ...metadata, resourceVersion: undefined },
  })
  return deepEqual(intent(a), intent(b))
}

/** What identifies the object is not for editing; its version makes the write conditional. */
function withIdentity(changed: AnyResource, object: AnyResource): AnyResource {
  for (const [what, before, after] of [
    ['kind', object.kind, changed.kind],
    ['metadata.name', object.metadata.name, changed.metadata?.name],
    ['metadata.namespace', object.metadata.namespace, changed.metadata?.namespace],
  ] as const)
    if (before !== after)
      throw new NsctlError('Invalid', `${what} cannot be edited: ${before} became ${after ?? 'nothing'}`, {
        value: after,
      })
  const version = object.metadata.resourceVersion
  return {
    ...changed,
    metadata: { ...changed.metadata, ...(version === undefined ? {} : { resourceVersion: version }) },
  }
}

/** The same error, with where the text is kept; what was not edited is not kept. */
async function keepText(error: unknown, folder: string, file: string, body: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => '')
  if (isEmptied(text) || isUnedited(text, body)) {
    await rm(folder, { recursive: true, force: true })
    return error
  }
  const known = isNsctlError(error) ? error : new NsctlError('Failed', messageOf(error), { cause: error })
  return new NsctlError(known.code, known.message, {
    value: known.value,
    issues: known.issues,
    cause: error,
    next: `what you wrote is kept in ${file}${known.next === undefined ? '' : `; ${known.next}`}`,
  })
}
