/** What the runtime is told to run for an instance. */
import { parseCpuMillis, parseDurationMs, parseMemoryBytes } from '../../core/quantity.ts'
import { FENCING_TOKEN } from '../../resources/fencing.ts'
import type { Instance, ServicePort, ServiceTemplate } from '../../resources/generated/types.ts'
import { programsOf } from '../../resources/template.ts'
import type { ProgramId, ProgramLimits, ProgramSpec } from '../../runtimes/runtime.ts'
import type { ProgramFinder } from '../executable.ts'
import type { ComposedProgram } from '../material/compose.ts'
import type { GivenPort, WantedPort } from '../ports.ts'
import type { Obstacle } from './record.ts'

type Program = ReturnType<typeof programsOf>[number]

export function programIds(instance: Instance): readonly ProgramId[] {
  const { service, templateHash, ordinal, template } = instance.spec
  const namespace = instance.metadata.namespace ?? ''
  return programsOf(template).map((program) => ({
    namespace,
    service,
    templateHash,
    ordinal,
    program: program.name,
  }))
}

export function wantedPorts(instance: Instance): readonly WantedPort[] {
  return (instance.spec.template.ports ?? []).map((port: ServicePort) => ({
    name: port.name,
    protocol: port.protocol,
    ...(port.port === undefined ? {} : { port: port.port }),
  }))
}

/** Environment that every program gets: PATH at least. */
export type BaseEnvironment = Readonly<Record<string, string>>

export type Prepared =
  | { readonly kind: 'ready'; readonly specs: readonly ProgramSpec[] }
  | { readonly kind: 'obstacle'; readonly obstacle: Obstacle }

export interface PrepareOptions {
  readonly baseEnvironment: BaseEnvironment
  readonly finder: Pick<ProgramFinder, 'find' | 'isFolder'>
  /** What each program is given, by its name. */
  readonly composed: ReadonlyMap<string, ComposedProgram>
  /** Of what is unique. */
  readonly token?: number
}

/** The specs of all programs of `instance`, or what stands in the way. Looks at the file system, changes nothing. */
export async function prepare(
  instance: Instance,
  ports: readonly GivenPort[],
  { baseEnvironment, finder, composed, token }: PrepareOptions,
): Promise<Prepared> {
  const specs: ProgramSpec[] = []
  const { runtime } = instance.spec.template
  const programs = programsOf(instance.spec.template)
  for (const [index, id] of programIds(instance).entries()) {
    const program = programs[index] as Program
    const given = composed.get(program.name)
    const env = { ...baseEnvironment, ...given?.env, ...portVariables(ports), ...tokenVariable(token) }
    const workingDir = program.source.workingDir ?? '/'
    const [name = '', ...args] = program.source.command
    // what is in a container is looked for there
    const executable =
      runtime === undefined ? await locate(program, workingDir, env.PATH ?? '', finder) : name
    if (typeof executable !== 'string') return executable
    const spec = makeSpec(instance, id, program, [executable, ...args], workingDir, env)
    specs.push(given?.shape === undefined ? spec : { ...spec, material: given.shape })
  }
  return { kind: 'ready', specs }
}

/** The path of the program on this node, or what stands in the way. */
async function locate(
  program: Program,
  workingDir: string,
  path: string,
  finder: PrepareOptions['finder'],
): Promise<string | Prepared> {
  const name = program.source.command[0] ?? ''
  if (!(await finder.isFolder(workingDir)))
    return failed('WorkingDirMissing', `${label(program)}the working directory ${workingDir} is not there`)
  const executable = await finder.find(name, workingDir, path)
  if (executable !== undefined) return executable
  const where = name.includes('/') ? `in ${workingDir}` : `in PATH (${path})`
  return failed('ProgramNotFound', `${label(program)}${name} is not there or not executable, ${where}`)
}

function makeSpec(
  instance: Instance,
  id: ProgramId,
  program: Program,
  command: [string, ...string[]],
  workingDir: string,
  env: Readonly<Record<string, string>>,
): ProgramSpec {
  const { template, storage, restartPolicy } = instance.spec
  return {
    id,
    command,
    workingDir,
    env,
    storage: (storage ?? []).map(({ name, path }) => ({ name, path })),
    limits: limitsOf(program),
    ...(template.programs === undefined ? {} : { group: groupLimits(programsOf(template).map(limitsOf)) }),
    stop: { signal: template.stop.signal, graceMs: parseDurationMs(template.stop.gracePeriod) },
    network: template.network,
    ...containerOf(template),
    relax: template.security?.relax ?? [],
    ...(instance.spec.unique === true ? { fenced: true as const } : {}),
    ...(restartPolicy === 'Never' ? { restart: 'never' as const } : {}),
  }
}

function containerOf({ runtime, root, closure }: ServiceTemplate): Pick<ProgramSpec, 'container'> {
  if (runtime === undefined) return {}
  return {
    container: { ...(root === undefined ? {} : { root }), ...(closure === undefined ? {} : { closure }) },
  }
}

function limitsOf(program: Program): ProgramLimits {
  const { resources, limits } = program
  return {
    ...(resources?.cpu === undefined ? {} : { cpuWeightMillis: parseCpuMillis(resources.cpu) }),
    ...(limits?.cpu === undefined ? {} : { cpuQuotaMillis: parseCpuMillis(limits.cpu) }),
    ...(resources?.memory === undefined ? {} : { memoryMaxBytes: parseMemoryBytes(resources.memory) }),
    ...(limits?.tasks === undefined ? {} : { tasksMax: limits.tasks }),
  }
}

/** What one has of the CPU that says nothing, as systemd weighs it. */
const UNSAID_CPU_MILLIS = 1_000

/** What they may use together: what all of them may, as the kubelet has it for a pod. Where one of them has no limit they have none together. */
export function groupLimits(programs: readonly ProgramLimits[]): ProgramLimits {
  const sum = (read: (one: ProgramLimits) => number | undefined) =>
    programs.reduce<number | undefined>((total, program) => {
      const one = read(program)
      return total === undefined || one === undefined ? undefined : total + one
    }, 0)
  const [cpuQuotaMillis, memoryMaxBytes, tasksMax] = [
    sum((one) => one.cpuQuotaMillis),
    sum((one) => one.memoryMaxBytes),
    sum((one) => one.tasksMax),
  ]
  return {
    cpuWeightMillis: sum((one) => one.cpuWeightMillis ?? UNSAID_CPU_MILLIS) ?? UNSAID_CPU_MILLIS,
    ...(cpuQuotaMillis !== undefined && { cpuQuotaMillis }),
    ...(memoryMaxBytes !== undefined && { memoryMaxBytes }),
    ...(tasksMax !== undefined && { tasksMax }),
  }
}

/** $PORT_<NAME> for each port, and $PORT for the first. */
function portVariables(ports: readonly GivenPort[]): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const { name, port } of ports)
    variables[`PORT_${name.toUpperCase().replaceAll('-', '_')}`] = String(port)
  if (ports[0] !== undefined) variables.PORT = String(ports[0].port)
  return variables
}

function tokenVariable(token: number | undefined): Record<string, string> {
  return token === undefined ? {} : { [FENCING_TOKEN]: String(token) }
}

function label(program: Program): string {
  return program.name === '' ? '' : `${program.name}: `
}

function failed(reason: string, message: string): Prepared {
  return { kind: 'obstacle', obstacle: { phase: 'Failed', reason, message } }
}
