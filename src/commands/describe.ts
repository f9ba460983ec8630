import type { Client } from '../client/client.ts'
import type { AnyResource } from '../resources/object.ts'
import { describeObject } from '../views/describe/describe.ts'
import { type Description, gatherDescription } from '../views/describe/description.ts'
import { isScaler } from '../views/scaler/about.ts'
import { toAscii, wantsAscii } from '../views/scaler/ascii.ts'
import { NsctlCommand } from './base.ts'
import * as shared from './flags.ts'
import { targetsOfFiles } from './input.ts'
import { mustGet, selectStored } from './selection.ts'
import { notFound, parseTargets, refOf, type Target } from './targets.ts'

/** `nsctl describe`. */
export class Describe extends NsctlCommand {
  static override summary = 'Everything about one object, and why it is as it is'
  static override description =
    'What is wanted and what is, conditions, instances with their last failure, storage, and recent events.'
  static override examples = [
    'nsctl describe service web',
    'nsctl describe instance web-0',
    'nsctl describe scaler web',
    'nsctl describe svc -l app=web',
  ]
  static override args = {
    type: shared.argument({ multiple: true, description: 'TYPE, TYPE NAME… or TYPE/NAME….' }),
  }
  static override flags = {
    selector: shared.selector,
    'all-namespaces': shared.allNamespaces,
    filename: shared.filename,
    recursive: shared.recursive,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Describe)
    const client = await this.client()
    const targets =
      flags.filename === undefined
        ? await parseTargets(this.words, client, 'describe')
        : { kinds: [], objects: await targetsOfFiles(flags, this.words, client, 'describe', this.context) }
    const found =
      targets.objects.length > 0
        ? await Promise.all(targets.objects.map((target) => this.#read(client, target)))
        : await selectStored(client, targets.kinds, {
            namespace: this.namespace,
            allNamespaces: flags['all-namespaces'],
            selector: flags.selector,
          })
    if (found.length === 0) return this.note('No resources found.') as undefined
    const pages: string[] = []
    for (const { kind, object } of found) {
      const description = await gatherDescription(client, kind, object, this.context.clock.now())
      pages.push(
        isScaler(kind.kind) ? await this.#scalerPage(description) : await describeObject(description),
      )
    }
    this.print(pages.join('\n\n'))
    if (found.some(({ kind }) => kind.hasStatus)) await this.noteIfStale(client)
  }

  /** In the terminal's width and signs. Asking for the width costs milliseconds, which other pages are spared. */
  async #scalerPage(description: Description): Promise<string> {
    const { columns } = this.context.stdout
    const page = await describeObject({ ...description, ...(columns === undefined ? {} : { columns }) })
    return wantsAscii(this.context.env) ? toAscii(page) : page
  }

  async #read(client: Client, target: Target): Promise<{ kind: Target['kind']; object: AnyResource }> {
    const ref = refOf(target, this.namespace)
    if (ref.kind !== 'Instance') return { kind: target.kind, object: await mustGet(client, ref) }
    const object = await client.resolveInstance(ref)
    if (object === undefined) throw notFound(ref)
    return { kind: target.kind, object }
  }
}
