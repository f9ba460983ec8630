import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'
import { type ObjectGroup, printObjects } from '../views/output.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'
import { readFormat } from './format.ts'
import type { GetRequest } from './get-request.ts'
import { targetsOfFiles } from './input.ts'
import { notFound, parseTargets, refOf, type Targets } from './targets.ts'

const flags = {
  output: shared.output,
  selector: shared.selector,
  'field-selector': shared.fieldSelector,
  'all-namespaces': shared.allNamespaces,
  filename: shared.filename,
  recursive: shared.recursive,
  watch: Flags.boolean({ char: 'w', allowNo: true, summary: 'Then go on with what changes.' }),
  'watch-only': Flags.boolean({ summary: 'Only what changes from now on.' }),
  'sort-by': Flags.string({ helpValue: 'PATH', summary: 'Order of rows: --sort-by=.metadata.name.' }),
  'no-headers': Flags.boolean({ summary: 'Rows without headings.' }),
  'label-columns': Flags.string({
    char: 'L',
    helpValue: 'LABEL,…',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'A column for each of these labels.',
  }),
  'show-labels': Flags.boolean({ summary: 'Labels as the last column.' }),
  'show-kind': Flags.boolean({ summary: 'service/web rather than web.' }),
  'ignore-not-found': shared.ignoreNotFound,
}

/** `nsctl get`. */
export class Get extends NsctlCommand {
  static override summary = 'List objects, or show some of them'
  static override description =
    'TYPE is a kind, its plural or its short name; several stand with commas between them, and `all` means what runs. TYPE.VERSION.GROUP shows a kind in that version.'
  static override examples = [
    'nsctl get svc',
    'nsctl get svc,inst -A -o wide',
    'nsctl get service/web instance/web-0-k2p9x',
    'nsctl get svc web -o yaml',
    "nsctl get svc -o jsonpath='{.items[*].metadata.name}'",
    'nsctl get inst -l app=web -w',
    'nsctl get crawlers.v1alpha1.example.org',
  ]
  static override args = {
    type: shared.argument({ multiple: true, description: 'TYPE, TYPE NAME…, TYPE/NAME… or TYPE,TYPE.' }),
  }
  static override flags = flags

  override async run(): Promise<number | undefined> {
    const { flags: given } = await this.parse(Get)
    const format = readFormat(given.output, this.context)
    const client = await this.client()
    const targets =
      given.filename === undefined
        ? await parseTargets(this.words, client, 'get')
        : { kinds: [], objects: await targetsOfFiles(given, this.words, client, 'get', this.context) }
    const request: GetRequest = {
      targets,
      format,
      matches: await this.#filter(given, targets),
      namespace: this.namespace,
      allNamespaces: given['all-namespaces'],
      showLabels: given['show-labels'],
      labelColumns: (given['label-columns'] ?? []).flatMap((list) => list.split(',')),
      showKind: given['show-kind'],
      noHeaders: given['no-headers'],
      watches: given.watch || given['watch-only'],
    }
    if (request.watches) {
      const named = await this.#namedToWatch(client, request, given['ignore-not-found'])
      return this.#watch(client, { ...request, targets: named }, given['watch-only'])
    }
    const groups = await this.#read(client, request, given['ignore-not-found'])
    await this.#print(groups, request, given['sort-by'])
    if (groups.some(({ kind, items }) => kind.hasStatus && items.length > 0)) await this.noteIfStale(client)
    return 0
  }

  /** Loads selectors only where there are any. */
  async #filter(
    given: { readonly selector?: string | undefined; readonly 'field-selector'?: string | undefined },
    targets: Targets,
  ): Promise<(object: AnyResource) => boolean> {
    const { selector, 'field-selector': fields } = given
    if (selector === undefined && fields === undefined) return () => true
    if (targets.objects.length > 0)
      throw usage('names cannot be combined with -l or --field-selector', 'get', this.words.join(' '))
    const { parseFieldSelector, parseSelector } = await import('../resources/selector.ts')
    const byLabels = parseSelector(selector ?? '')
    const byFields = parseFieldSelector(
      fields ?? '',
      targets.kinds.map((kind) => kind.schema),
    )
    return (object) => byLabels(object) && byFields(object)
  }

  async #read(client: Client, request: GetRequest, ignoreNotFound: boolean): Promise<readonly ObjectGroup[]> {
    const { targets } = request
    if (targets.objects.length > 0) return this.#readNamed(client, request, ignoreNotFound)
    const scope = request.allNamespaces ? {} : { namespace: request.namespace }
    const { lists } = await client.listAll(targets.kinds, scope)
    return targets.kinds.map((kind, i) => ({ kind, items: (lists[i] ?? []).filter(request.matches) }))
  }

  /** In the order in which they were named; neighbours of one kind share a table. */
  async #readNamed(
    client: Client,
    request: GetRequest,
    ignoreNotFound: boolean,
  ): Promise<readonly ObjectGroup[]> {
    if (request.allNamespaces)
      throw usage(
        'a name cannot be combined with -A',
        'get',
        this.words.join(' '),
        'say which namespace: -n NAME',
      )
    const groups: { kind: ObjectGroup['kind']; items: AnyResource[] }[] = []
    const missing: NsctlError[] = []
    for (const target of request.targets.objects) {
      const ref = refOf(target, request.namespace)
      const object =
        (await client.get(ref)) ?? (ref.kind === 'Instance' ? await client.resolveInstance(ref) : undefined)
      if (object === undefined) missing.push(notFound(ref))
      else if (groups.at(-1)?.kind === target.kind) groups.at(-1)?.items.push(object)
      else groups.push({ kind: target.kind, items: [object] })
    }
    if (missing.length === 0 || ignoreNotFound) return groups
    if (!request.watches) await this.#print(groups, request, undefined)
    throw combineMissing(missing)
  }

  async #print(
    groups: readonly ObjectGroup[],
    request: GetRequest,
    sortBy: string | undefined,
  ): Promise<void> {
    const { format, targets } = request
    const isTable = format.kind === 'table' || format.kind === 'wide'
    const isEmpty = groups.every(({ items }) => items.length === 0)
    if (isEmpty && targets.objects.length > 0) return
    if (isEmpty && isTable) return this.#noteEmpty(request)
    const text = await printObjects(groups, {
      format,
      nowMs: this.context.clock.now(),
      single: targets.objects.length === 1,
      noHeaders: request.noHeaders,
      showNamespace: request.allNamespaces,
      showLabels: request.showLabels,
      labelColumns: request.labelColumns,
      ...(request.showKind ? { showKind: true } : {}),
      ...(sortBy === undefined ? {} : { sortBy }),
    })
    if (format.kind === 'jsonpath') this.context.stdout.write(text)
    else this.print(text)
  }

  #noteEmpty(request: GetRequest): void {
    const isScoped = request.targets.kinds.some((kind) => kind.scope === 'Namespaced')
    this.note(
      isScoped && !request.allNamespaces
        ? `No resources found in ${request.namespace} namespace.`
        : 'No resources found.',
    )
  }

  /** What is named must be there, by the names that it is stored under: nothing would ever be shown of anything else. */
  async #namedToWatch(client: Client, request: GetRequest, ignoreNotFound: boolean): Promise<Targets> {
    if (request.targets.objects.length === 0 || ignoreNotFound) return request.targets
    const groups = await this.#readNamed(client, request, false)
    const objects = groups.flatMap(({ kind, items }) => items.map(({ metadata }) => ({ kind, ...metadata })))
    return { kinds: [], objects: objects.map(({ kind, name, namespace }) => ({ kind, name, namespace })) }
  }

  async #watch(client: Client, request: GetRequest, onlyChanges: boolean): Promise<number> {
    const { watchObjects } = await import('./get-watch.ts')
    await this.noteIfStale(client)
    return watchObjects(client, request, { onlyChanges, context: this.context })
  }
}

function combineMissing(missing: readonly NsctlError[]): NsctlError {
  const [first] = missing
  if (first !== undefined && missing.length === 1) return first
  return new NsctlError('NotFound', `${missing.length} objects were not found`, {
    issues: missing.map((error) => error.message),
    next: first?.next ?? '',
  })
}
