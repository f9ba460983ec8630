import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { delay } from '../core/clock.ts'
import type { Instance, Node, Service } from '../resources/generated/types.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, API_VERSION } from '../resources/object.ts'
import type { Used } from '../telemetry/scrape/usage.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { instanceFigures, nodeFigures, serviceFigures, type UsageByNode } from '../views/top/figures.ts'
import { inOrder, instanceTable, nodeTable, serviceTable } from '../views/top/table.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'
import { notFound, parseTargets } from './targets.ts'

const KINDS = ['Node', 'Service', 'Instance']
/** kubectl's words for what has another here. */
const FOREIGN: Readonly<Record<string, string>> = { pod: 'instances', pods: 'instances', po: 'instances' }
const WATCH_EVERY_MS = 2_000
/** To the upper left corner, and all that is below it is cleared. */
const REDRAW = '\x1b[H\x1b[J'

interface Request {
  readonly kind: Kind
  /** All where there is none. */
  readonly names: readonly string[]
  readonly matches: (object: AnyResource) => boolean
  readonly allNamespaces: boolean
  readonly sortBy: 'cpu' | 'memory' | undefined
  readonly noHeaders: boolean
  readonly of: 'allocatable' | 'capacity'
}

/** `nsctl top`. */
export class Top extends NsctlCommand {
  static override summary = 'What nodes, services and instances use'
  static override description =
    'CPU and memory, asked of the nodes themselves: CPU is that of the last second, and with --watch of the last 15. The shares of a node are of its allocatable; those of an instance are of its template.resources, of which it may use more CPU and is ended for more memory. What a node does not tell is <unknown>, with the reason; where nothing at all is known, the exit code is 1.'
  static override examples = [
    'nsctl top nodes',
    'nsctl top instances -A --sort-by memory',
    'nsctl top instances -l app=web -w',
    'nsctl top services',
    'nsctl top service web -o json',
  ]
  static override args = {
    type: shared.argument({ multiple: true, description: 'nodes, services or instances, and maybe names.' }),
  }
  static override flags = {
    'sort-by': Flags.string({
      helpValue: 'cpu|memory',
      options: ['cpu', 'memory'],
      summary: 'What uses most first.',
    }),
    selector: shared.selector,
    'all-namespaces': shared.allNamespaces,
    watch: Flags.boolean({ char: 'w', summary: 'Look again every two seconds, until Ctrl-C.' }),
    'show-capacity': Flags.boolean({ summary: 'Shares of all that nodes have, what is reserved included.' }),
    'no-headers': Flags.boolean({ summary: 'Rows without headings.' }),
    output: Flags.string({ char: 'o', helpValue: 'json|yaml', summary: 'Figures as json or yaml.' }),
  }

  override async run(): Promise<number> {
    const { flags } = await this.parse(Top)
    const { output } = flags
    if (output !== undefined && output !== 'json' && output !== 'yaml')
      throw usage(`unknown output format: ${output} (json or yaml)`, 'top', output)
    const client = await this.client()
    const words = this.words.map((word, i) => (i === 0 ? (FOREIGN[word] ?? word) : word))
    const { kinds, objects } = await parseTargets(words, client, 'top')
    const [kind, ...others] = new Set([...kinds, ...objects.map((one) => one.kind)])
    if (kind === undefined || others.length > 0 || !KINDS.includes(kind.kind))
      throw usage('what is used is known of nodes, services or instances', 'top', words.join(' '))
    if (objects.length > 0 && flags['all-namespaces'])
      throw usage('a name cannot be combined with -A', 'top', words.join(' '), 'say which namespace: -n NAME')
    const request: Request = {
      kind,
      names: objects.map(({ name }) => name),
      matches: await this.#filter(flags.selector, objects.length > 0),
      allNamespaces: flags['all-namespaces'],
      sortBy: flags['sort-by'] as Request['sortBy'],
      noHeaders: flags['no-headers'],
      of: flags['show-capacity'] ? 'capacity' : 'allocatable',
    }
    const { signal, clock, stdout } = this.context
    const redraw = flags.watch && stdout.isTTY ? REDRAW : ''
    const isKnown = await this.#show(client, request, output, redraw)
    await this.noteIfStale(client)
    if (!flags.watch && !isKnown) return 1
    while (flags.watch && !signal.aborted) {
      await delay(clock, WATCH_EVERY_MS, signal).catch(() => undefined)
      if (!signal.aborted) await this.#show(client, request, output, redraw || '\n')
    }
    return signal.aborted ? 130 : 0
  }

  async #filter(selector: string | undefined, hasNames: boolean): Promise<(object: AnyResource) => boolean> {
    if (selector === undefined) return () => true
    if (hasNames) throw usage('names cannot be combined with -l', 'top', this.words.join(' '))
    const { parseSelector } = await import('../resources/selector.ts')
    return parseSelector(selector)
  }

  /** Whether anything that was asked for is known: of nothing, all is. */
  async #show(
    client: Client,
    request: Request,
    output: 'json' | 'yaml' | undefined,
    before: string,
  ): Promise<boolean> {
    const { figures, text, next } = await this.#read(client, request)
    const isKnown = figures.length === 0 || figures.some(hasFigures)
    const list = { apiVersion: API_VERSION, kind: `${request.kind.kind}UsageList`, items: figures }
    if (output !== undefined) {
      this.print(output === 'json' ? toJson(list) : await toYamlText(list))
      return isKnown
    }
    this.context.stdout.write(before)
    if (figures.length > 0) {
      this.print(text)
      for (const line of next) this.note(line)
    } else if (request.kind.scope === 'Namespaced' && !request.allNamespaces)
      this.note(`No resources found in ${this.namespace} namespace.`)
    else this.note('No resources found.')
    return isKnown
  }

  async #read(client: Client, request: Request) {
    const { kind, allNamespaces, sortBy, noHeaders, of } = request
    const { nodes, services, ...listed } = await this.#list(client, request)
    const instances = kind.kind === 'Service' ? ofServices(listed.instances, services) : listed.instances
    const asked = kind.kind === 'Node' ? nodes : nodesOf(nodes, instances)
    const found: UsageByNode = await client.usage(asked, this.context.signal)
    const next = new Set([...found.values()].flatMap((one) => ('trouble' in one ? (one.next ?? []) : [])))
    const how = { noHeaders, showNamespace: allNamespaces }
    if (kind.kind === 'Node') {
      const figures = inOrder(nodeFigures(nodes, found, of), sortBy, ({ node }) => node)
      return { figures, next, text: nodeTable(figures, how) }
    }
    const measured = instanceFigures(instances, found)
    if (kind.kind === 'Instance') {
      const figures = inOrder(measured, sortBy, ({ namespace, instance }) => `${namespace} ${instance}`)
      return { figures, next, text: instanceTable(figures, how) }
    }
    const sums = serviceFigures(services, measured)
    const figures = inOrder(sums, sortBy, ({ namespace, service }) => `${namespace} ${service}`)
    return { figures, next, text: serviceTable(figures, how) }
  }

  /** What is asked for; of services their instances too. */
  async #list(client: Client, request: Request) {
    const { kind, allNamespaces } = request
    const kinds = KINDS.map((name) => client.kinds.byKind(name))
    const lists = await Promise.all(
      kinds.map((one) =>
        client.list(one, one.scope === 'Namespaced' && !allNamespaces ? { namespace: this.namespace } : {}),
      ),
    )
    const [nodes = [], services = [], instances = []] = lists.map(({ items }, i) =>
      kinds[i] === kind ? this.#chosen(items, request) : items,
    ) as unknown as readonly (readonly AnyResource[])[]
    return {
      nodes: nodes as unknown as readonly Node[],
      services: services as unknown as readonly Service[],
      instances: instances as unknown as readonly Instance[],
    }
  }

  /** By name, where there are names: `web-0` is understood as the instance of that ordinal. */
  #chosen(items: readonly AnyResource[], { kind, names, matches }: Request): readonly AnyResource[] {
    if (names.length === 0) return items.filter(matches)
    return names.flatMap((name) => {
      const found = items.filter((item) => item.metadata.name === name || ordinalName(item) === name)
      if (found.length > 0) return found
      throw notFound(
        kind.scope === 'Namespaced'
          ? { kind: kind.kind, namespace: this.namespace, name }
          : { kind: kind.kind, name },
      )
    })
  }
}

function hasFigures({ cpuMillis, memoryBytes }: Used): boolean {
  return cpuMillis !== undefined || memoryBytes !== undefined
}

function ordinalName({ kind, spec }: AnyResource): string | undefined {
  return kind === 'Instance' ? `${String(spec?.service)}-${String(spec?.ordinal)}` : undefined
}

function ofServices(instances: readonly Instance[], services: readonly Service[]): readonly Instance[] {
  const names = new Set(services.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))
  return instances.filter(({ metadata, spec }) => names.has(`${metadata.namespace}/${spec.service}`))
}

/** Nobody else is asked. */
function nodesOf(nodes: readonly Node[], instances: readonly Instance[]): readonly Node[] {
  const names = new Set(instances.map(({ spec }) => spec.node))
  return nodes.filter(({ metadata }) => names.has(metadata.name))
}
