/** What the runtime is told to run for an instance. */
import { parseCpuMillis, parseDurationMs, parseMemoryBytes } from '../../core/quantity.ts'
import type { Instance, ServicePort } from '../../resources/generated/types.ts'
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
  readonly finder: ProgramFinder
  /** What each program is given, by its name. */
  readonly composed: ReadonlyMap<string, ComposedProgram>
}

/** The specs of all programs of `instance`, or what stands in the way. Looks at the file system, changes nothing. */
export async function prepare(
  instance: Instance,
  ports: readonly GivenPort[],
  { baseEnvironment, finder, composed }: PrepareOptions,
): Promise<Prepared> {
  const specs: ProgramSpec[] = []
  const programs = programsOf(instance.spec.template)
  for (const [index, id] of programIds(instance).entries()) {
    const program = programs[index] as Program
    const given = composed.get(program.name)
    const env = { ...baseEnvironment, ...given?.env, ...portVariables(ports) }
    const workingDir = program.source.workingDir ?? '/'
    if (!(await finder.isFolder(workingDir))) {
      return failed('WorkingDirMissing', `${label(program)}the working directory ${workingDir} is not there`)
    }
    const [name = '', ...args] = program.source.command
    const executable = await finder.find(name, workingDir, env.PATH ?? '')
    if (executable === undefined) {
      const where = name.includes('/') ? `in ${workingDir}` : `in PATH (${env.PATH ?? ''})`
      return failed('ProgramNotFound', `${label(program)}${name} is not there or not executable, ${where}`)
    }
    const spec = makeSpec(instance, id, program, [executable, ...args], workingDir, env)
    specs.push(given?.shape === undefined ? spec : { ...spec, material: given.shape })
  }
  return { kind: 'ready', specs }
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
    stop: { signal: template.stop.signal, graceMs: parseDurationMs(template.stop.gracePeriod) },
    network: template.network,
    relax: template.security?.relax ?? [],
    ...(restartPolicy === 'Never' ? { restart: 'never' as const } : {}),
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

/** $PORT_<NAME> for each port, and $PORT for the first. */
function portVariables(ports: readonly GivenPort[]): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const { name, port } of ports)
    variables[`PORT_${name.toUpperCase().replaceAll('-', '_')}`] = String(port)
  if (ports[0] !== undefined) variables.PORT = String(ports[0].port)
  return variables
}

function label(program: Program): string {
  return program.name === '' ? '' : `${program.name}: `
}

function failed(reason: string, message: string): Prepared {
  return { kind: 'obstacle', obstacle: { phase: 'Failed', reason, message } }
}
