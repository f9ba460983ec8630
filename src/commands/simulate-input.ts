/** What `simulate` tries: the ScaledObject, judged as apply would, and the demand. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Client } from '../client/client.ts'
import { combineFaults } from '../client/manifests.ts'
import { assumedNamespaces } from '../client/offline.ts'
import { withSealing } from '../client/sealing.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { ScaledObject } from '../resources/generated/types.ts'
import { nameTriggers } from '../resources/triggers/names.ts'
import { historySubject, readSample } from '../scaling/sample.ts'
import { type SampleTrace, traceOfSamples } from '../scaling/simulate/samples.ts'
import { parseTrace, type Trace } from '../scaling/simulate/trace.ts'
import type { CommandContext } from './context.ts'
import { type FileFlags, loadFiles } from './input.ts'

/** A file beyond that is none that somebody meant. */
const MOST_BYTES = 256 * 1024 * 1024

/** The only ScaledObject of -f, with the defaults that it would be stored with. Nothing is written, and no store is read. */
export async function scaledObjectOfFiles(
  flags: FileFlags,
  context: CommandContext,
  namespace: string,
): Promise<ScaledObject> {
  const { manifests, failed } = await loadFiles(flags, 'simulate', context)
  const opened = await context.openClient({ store: 'memory:' })
  const client = withSealing(opened, () => {
    throw new NsctlError('Unsupported', 'simulate seals nothing', {
      next: 'leave Secrets out of what it is given',
    })
  })
  try {
    const mine = manifests.filter(({ object }) => object.kind !== 'Secret')
    const { results, failed: refused } = await client.apply(
      [...assumedNamespaces(mine, namespace), ...mine],
      {
        actor: { name: 'simulate' },
        dryRun: true,
        partial: true,
        namespace,
      },
    )
    const faults = [...failed, ...refused.map(({ error }) => error)]
    if (faults.length > 0) throw combineFaults(faults.map(asOurs), 'nothing was tried')
    const found = results.map(({ object }) => object).filter(({ kind }) => kind === 'ScaledObject')
    if (found.length === 1) return found[0] as unknown as ScaledObject
    throw new NsctlError(
      'Invalid',
      `${found.length === 0 ? 'no' : found.length} ScaledObjects in what -f names`,
      {
        next: 'name a file with exactly one',
      },
    )
  } finally {
    await client.close()
  }
}

function asOurs(error: unknown): NsctlError {
  if (isNsctlError(error)) return error
  throw error
}

/** The ScaledObject that is stored. */
export async function storedScaledObject(
  client: Client,
  namespace: string,
  name: string,
): Promise<ScaledObject> {
  const object = await client.get({ kind: 'ScaledObject', namespace, name })
  if (object !== undefined) return object as unknown as ScaledObject
  throw new NsctlError('NotFound', `no scaledobject "${name}" in namespace ${namespace}`, {
    value: name,
    next: 'nsctl get scaledobjects lists what there is',
  })
}

/** Of a file, or of standard input for `-`. */
export async function readTraceFile(
  name: string,
  stepMs: number | undefined,
  context: CommandContext,
): Promise<Trace> {
  const source = name === '-' ? 'standard input' : name
  const bytes = name === '-' ? await context.readStdin() : await readBytes(resolve(context.cwd, name), name)
  if (bytes.length > MOST_BYTES)
    throw new NsctlError('TooLarge', `${source} has ${bytes.length} bytes`, {
      next: `at most ${MOST_BYTES} are read`,
    })
  return parseTrace(bytes.toString('utf8'), { source, stepMs })
}

async function readBytes(path: string, name: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new NsctlError('Invalid', `cannot read ${name}: ${messageOf(cause)}`, { value: name, cause })
  }
}

/** What the trigger measured since then. */
export async function readTraceOfHistory(
  client: Client,
  object: ScaledObject,
  { trigger, sinceMs }: { readonly trigger: string | undefined; readonly sinceMs: number },
): Promise<SampleTrace> {
  const entries = await client.scalerHistory({
    ...historySubject(object),
    kind: 'sample',
    fromMs: sinceMs,
  })
  const samples = entries.flatMap(({ atMs, content }) => {
    const sample = readSample(content)
    return sample === undefined ? [] : [{ atMs, demand: sample.demand }]
  })
  return traceOfSamples(samples, keyOf(object, trigger))
}

function keyOf({ spec }: ScaledObject, wanted: string | undefined): string {
  const names = nameTriggers(spec.triggers)
  const found =
    wanted === undefined
      ? names[0]
      : names.find(({ key, names: all }) => key === wanted || all.includes(wanted))
  return found?.key ?? wanted ?? ''
}
