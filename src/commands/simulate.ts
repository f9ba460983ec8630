import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { ScaledObject } from '../resources/generated/types.ts'
import { demandOf } from '../scaling/simulate/demand.ts'
import { ownPolicy } from '../scaling/simulate/own.ts'
import { RIVALS, type Rival, type Simulation, simulate } from '../scaling/simulate/simulate.ts'
import type { Trace } from '../scaling/simulate/trace.ts'
import { toJson } from '../views/output.ts'
import { toAscii, wantsAscii } from '../views/scaler/ascii.ts'
import { simulationCsv, simulationDocument } from '../views/simulate/data.ts'
import { simulationHtml } from '../views/simulate/html.ts'
import { renderSimulation } from '../views/simulate/report.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'
import {
  readTraceFile,
  readTraceOfHistory,
  scaledObjectOfFiles,
  storedScaledObject,
} from './simulate-input.ts'

/** As often as HPA does. */
const TICK_MS = 15_000

/** `nsctl simulate`: a policy over a demand that was, before it is trusted. */
export class Simulate extends NsctlCommand {
  static override summary = 'Try a ScaledObject on a demand that was, beside other policies'
  static override description =
    'Decides every 15 s as the controller would, and counts how much of the demand came before there were replicas for it (late), and what replicas cost beside one who knows the demand before (cost). The trace is CSV with the columns timestamp and value; values are requests of a bin, and what the trigger sees are requests a second. No store is needed but for --from-history.'
  static override examples = [
    'nsctl simulate -f scaledobject.yaml --trace demand.csv --capacity 50 --startup 30s',
    'nsctl simulate -f scaledobject.yaml --trace demand.csv --compare hpa,keda,static',
    'nsctl simulate --from-history web --since 7d --capacity 50',
    'nsctl simulate -f scaledobject.yaml --trace demand.csv -o html > trial.html',
  ]
  static override flags = {
    filename: shared.filename,
    trace: Flags.string({ helpValue: 'FILE', summary: 'CSV with the demand; - for standard input.' }),
    'from-history': Flags.string({
      helpValue: 'NAME',
      summary: 'The demand that this ScaledObject measured; its own policy where there is no -f.',
      exclusive: ['trace'],
    }),
    since: Flags.string({
      helpValue: 'DURATION',
      default: '7d',
      summary: 'How far back, with --from-history.',
    }),
    capacity: Flags.string({
      helpValue: 'N',
      summary:
        'What one replica serves in a second, in the trace’s unit; the trigger’s target where left out.',
    }),
    startup: Flags.string({
      helpValue: 'DURATION',
      default: '30s',
      summary: 'From the start of a replica until it serves.',
    }),
    compare: Flags.string({ helpValue: 'LIST', summary: 'Others beside it: hpa, keda, static.' }),
    demand: Flags.string({
      options: ['linear', 'held'],
      default: 'linear',
      summary: 'Between the middles of bins: a straight line, or the same all through a bin.',
    }),
    values: Flags.string({
      options: ['per-bin', 'level'],
      summary: 'Counts of a bin (per-bin), or what was there, like a length (level). per-bin for files.',
    }),
    step: Flags.string({
      helpValue: 'DURATION',
      summary: 'Between rows; that of the first two where left out.',
    }),
    average: Flags.string({
      helpValue: 'DURATION',
      default: '60s',
      summary: 'What the trigger averages over: like [1m] in a query.',
    }),
    trigger: Flags.string({ helpValue: 'NAME', summary: 'The trigger that sees the demand, of several.' }),
    output: Flags.string({
      char: 'o',
      options: ['table', 'json', 'csv', 'html'],
      default: 'table',
      summary: 'table with a chart; json; csv, a row for each tick; html, a page.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Simulate)
    const history = flags['from-history']
    if (flags.trace === undefined && history === undefined)
      throw usage('no demand was named', 'simulate', undefined, 'write --trace FILE or --from-history NAME')
    if (flags.trace === '-' && flags.filename?.includes('-'))
      throw usage('standard input can be read only once', 'simulate', '-')
    const stored =
      history === undefined
        ? undefined
        : await storedScaledObject(await this.client(), this.namespace, history)
    const object =
      flags.filename === undefined && stored !== undefined
        ? stored
        : await scaledObjectOfFiles(flags, this.context, this.namespace)
    const { trace, isLevel, notes } = await this.#trace(flags, stored ?? object)
    const capacity = flags.capacity === undefined ? undefined : readNumber(flags.capacity)
    const own = ownPolicy(object, {
      trigger: flags.trigger,
      capacity,
      averageMs: parseDurationMs(flags.average),
    })
    const unit = (flags.values ?? (isLevel ? 'level' : 'per-bin')) === 'level' ? 'level' : 'perBin'
    const simulation = simulate({
      demand: demandOf(trace, { shape: flags.demand as 'linear' | 'held', unit, tickMs: TICK_MS }),
      own: own.contender,
      compare: readRivals(flags.compare),
      capacity: own.capacity,
      startupMs: parseDurationMs(flags.startup),
    })
    const title = `${object.metadata.name} on ${flags.trace ?? `what ${history} measured`}`
    const shown = this.#pieces(simulation, { output: flags.output, title, notes: [...own.notes, ...notes] })
    for (const piece of shown) this.context.stdout.write(piece)
  }

  async #trace(
    flags: {
      readonly trace?: string
      readonly step?: string
      readonly since: string
      readonly trigger?: string
    },
    measured: ScaledObject,
  ): Promise<{ trace: Trace; isLevel: boolean; notes: readonly string[] }> {
    const stepMs = flags.step === undefined ? undefined : parseDurationMs(flags.step)
    if (flags.trace !== undefined)
      return { trace: await readTraceFile(flags.trace, stepMs, this.context), isLevel: false, notes: [] }
    const sinceMs = this.context.clock.now() - parseDurationMs(flags.since)
    const { trace, bridged } = await readTraceOfHistory(await this.client(), measured, {
      trigger: flags.trigger,
      sinceMs,
    })
    const minutes = trace.values.length
    const note = `nothing was kept of ${bridged} of ${minutes} minutes: the one before speaks for each`
    return { trace, isLevel: true, notes: bridged === 0 ? [] : [note] }
  }

  *#pieces(
    simulation: Simulation,
    {
      output,
      title,
      notes,
    }: { readonly output: string; readonly title: string; readonly notes: readonly string[] },
  ): Iterable<string> {
    const { stdout, env } = this.context
    if (output === 'json') yield toJson(simulationDocument(simulation, notes))
    else if (output === 'csv') yield* simulationCsv(simulation)
    else if (output === 'html') yield simulationHtml(simulation, { title, notes })
    else {
      const page = renderSimulation(simulation, { title, notes, columns: stdout.columns })
      yield wantsAscii(env) ? toAscii(page) : page
    }
  }
}

function readRivals(text: string | undefined): readonly Rival[] {
  const words = (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  return words.map((word) => {
    const rival = RIVALS.find((one) => one === word)
    if (rival !== undefined) return rival
    throw new NsctlError('Usage', `nobody to compare with is called ${JSON.stringify(word)}`, {
      value: word,
      next: `there are ${RIVALS.join(', ')}`,
    })
  })
}

function readNumber(text: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (number > 0 && Number.isFinite(number)) return number
  throw new NsctlError('Usage', `--capacity must be a number above 0, not ${JSON.stringify(text)}`, {
    value: text,
    next: 'write what one replica serves in a second: --capacity 50',
  })
}
