import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { waitUntilCurrent } from '../client/current.ts'
import { followKey } from '../client/follow.ts'
import { NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import { withArticle } from '../core/words.ts'
import { type AnyResource, GROUP, refText } from '../resources/object.ts'
import { type OutputFormat, parseFormat, printObjects } from '../views/output.ts'
import { NsctlCommand, usage } from './base.ts'
import * as flags from './flags.ts'
import { type Selected, select } from './selection.ts'
import { notFound } from './targets.ts'
import { type Goal, parseGoal } from './wait-conditions.ts'

/** `nsctl wait`: until objects are as they should be. */
export class Wait extends NsctlCommand {
  static override summary = 'Wait until objects have a condition, a value, or are gone'
  static override examples = [
    'nsctl wait --for=condition=Ready service/web',
    "nsctl wait --for=jsonpath='{.status.ready}'=2/2 service/web --timeout 1m",
    'nsctl wait --for=delete service/web service/mail',
    'nsctl wait --for=condition=Ready service --all',
  ]
  static override args = {
    type: flags.argument({
      multiple: true,
      description: 'TYPE/NAME…, TYPE NAME…, or TYPE with -l or --all.',
    }),
  }
  static override flags = {
    for: Flags.string({
      helpValue: 'GOAL',
      summary: "condition=NAME[=STATUS], jsonpath='{PATH}'[=VALUE], delete or create.",
    }),
    timeout: Flags.string({
      helpValue: 'DURATION',
      default: '30s',
      summary: 'Give up after so long. 0s looks once.',
    }),
    selector: flags.selector,
    all: Flags.boolean({ summary: 'All objects of the kinds that are named.' }),
    filename: flags.filename,
    recursive: flags.recursive,
    'all-namespaces': flags.allNamespaces,
    output: flags.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Wait)
    parseFormat(given.output)
    if (given.for === undefined) throw usage('--for is missing: what should be waited for?', 'wait')
    const goal = parseGoal(given.for)
    const timeoutMs = parseDurationMs(given.timeout)
    const client = await this.client()
    const selected = await select(client, {
      words: this.words,
      verb: 'wait',
      context: this.context,
      files: given,
      namespace: this.namespace,
      selector: given.selector,
      all: given.all,
      allNamespaces: given['all-namespaces'],
    })
    if (selected.length === 0) {
      if (goal.kind === 'delete') return
      throw new NsctlError('NotFound', 'no object matches', {
        value: this.words.join(' '),
        next: `see: nsctl get ${this.words[0]}`,
      })
    }
    if (goal.kind === 'condition') refuseWithoutConditions(selected)
    const met: Met[] = []
    try {
      await this.#wait(client, selected, goal, timeoutMs, (one) => {
        if (given.output === undefined) this.print(`${refText(one.ref)} ${goal.verdict}`)
        else met.push(one)
      })
    } finally {
      if (met.length > 0) await this.#printObjects(met, parseFormat(given.output))
    }
  }

  /** What is gone has a name, and nothing else left to print. */
  async #printObjects(met: readonly Met[], format: OutputFormat): Promise<void> {
    if (format.kind === 'name') return this.print(met.map(({ ref }) => refText(ref)).join('\n'))
    const groups = met.flatMap(({ kind, object }) =>
      object === undefined ? [] : [{ kind, items: [object] }],
    )
    this.print(
      await printObjects(groups, { format, nowMs: this.context.clock.now(), single: met.length === 1 }),
    )
  }

  async #wait(
    client: Client,
    selected: readonly Selected[],
    goal: Goal,
    timeoutMs: number,
    onMet: (met: Met) => void,
  ): Promise<void> {
    const { clock, signal } = this.context
    const pending = new Map(selected.map((one) => [followKey(one.ref), one]))
    const seen = new Map<string, string>()
    let isNoted = false
    const namespaces = new Set(selected.map(({ ref }) => ref.namespace))
    const [only] = namespaces
    const isDone = await waitUntilCurrent<true>(
      {
        client,
        kinds: [...new Set(selected.map(({ kind }) => kind))],
        scope: namespaces.size === 1 && only !== undefined ? { namespace: only } : {},
        clock,
        signal,
        timeoutMs,
      },
      (objects, isCurrent) => {
        for (const [key, one] of pending) {
          const object = objects.get(key)
          if (object === undefined && (goal.kind === 'condition' || goal.kind === 'jsonpath'))
            throw notFound(one.ref)
          const isMet = goal.isMet(object)
          if (isMet && (isCurrent || !restsOnOurStatus(goal, one, object))) {
            pending.delete(key)
            onMet({ ...one, object })
          } else seen.set(key, isMet ? `${goal.seen(object)} (not looked at since)` : goal.seen(object))
        }
        if (pending.size > 0 && !isNoted && timeoutMs > 0) {
          isNoted = true
          void this.#noteIfNobodyWillAct(client, given(pending, seen))
        }
        return pending.size === 0 ? true : undefined
      },
    )
    if (isDone === true) return
    throw new NsctlError('Timeout', `timed out waiting for ${goal.text} on ${namesOf(pending)}`, {
      issues: [...pending].map(([key, { ref }]) => `${refText(ref)}: ${seen.get(key) ?? 'never seen'}`),
      next: `see: nsctl describe ${refText([...pending.values()][0]?.ref ?? { kind: '', name: '' })}`,
    })
  }

  /** What is stored changes by itself only where nsctl runs: says so rather than to wait in silence. */
  async #noteIfNobodyWillAct(client: Client, what: string): Promise<void> {
    const { running } = await client.daemon().catch(() => ({ running: true }))
    if (!running) this.note(`nobody is acting on ${what}: start it with nsctl up`)
  }
}

/** An object that is as it should be; undefined where that means that it is gone. */
interface Met extends Selected {
  readonly object: AnyResource | undefined
}

/** Whether the goal is met only by a status that nsctl writes: an old one may say of a program that it runs. */
function restsOnOurStatus(goal: Goal, { kind }: Selected, object: AnyResource | undefined): boolean {
  if (object?.status === undefined || kind.group !== GROUP) return false
  const { status, ...rest } = object
  return !goal.isMet(rest as AnyResource)
}

/** A condition of a kind whose status has none would be waited for in vain. */
function refuseWithoutConditions(selected: readonly Selected[]): void {
  for (const { kind } of selected) {
    const fields = kind.schema.properties?.status?.properties
    if (fields === undefined || fields.conditions !== undefined) continue
    const field = fields.ready === undefined ? "'{.status.phase}'=VALUE" : "'{.status.ready}'=true"
    throw new NsctlError('Unsupported', `${withArticle(kind.singular)} has no conditions to wait for`, {
      value: kind.singular,
      next: `wait for a field of its status: --for=jsonpath=${field}; see nsctl explain ${kind.singular}.status`,
    })
  }
}

function namesOf(pending: ReadonlyMap<string, Selected>): string {
  return [...pending.values()].map(({ ref }) => refText(ref)).join(', ')
}

function given(pending: ReadonlyMap<string, Selected>, seen: ReadonlyMap<string, string>): string {
  return [...pending]
    .map(([key, { ref }]) => `${refText(ref)} (${seen.get(key) ?? 'not seen yet'})`)
    .join(', ')
}
