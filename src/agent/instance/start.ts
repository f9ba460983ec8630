/** Starting an instance's programs: what stands in the way, which ports they get, what they are run with. */
import type { Clock } from '../../core/clock.ts'
import { isNsctlError } from '../../core/errors.ts'
import { deepEqual } from '../../core/json.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { ProgramMaterial, ProgramSpec, Runtime } from '../../runtimes/runtime.ts'
import type { ProgramFinder } from '../executable.ts'
import type { Composition } from '../material/compose.ts'
import type { Materials } from '../material/materials.ts'
import type { GivenPort, PortAllocator } from '../ports.ts'
import type { Permit, Permits } from '../unique/permits.ts'
import { announceObstacle, announceStart, type InstanceEvent } from './announce.ts'
import type { Places } from './places.ts'
import type { InstanceRecord, Obstacle } from './record.ts'
import { type BaseEnvironment, prepare, wantedPorts } from './specs.ts'

export interface StarterOptions {
  readonly node: string
  readonly runtime: Pick<Runtime, 'start' | 'observe'>
  readonly clock: Clock
  readonly ports: PortAllocator
  readonly places: Places
  readonly baseEnvironment: BaseEnvironment
  readonly materials: Pick<Materials, 'place'>
  readonly finder: Pick<ProgramFinder, 'find' | 'isFolder'>
  readonly tell: (instance: Instance, event: InstanceEvent) => Promise<void>
  /** Without it nothing unique is started. */
  readonly permits?: Pick<Permits, 'permit'>
}

export interface StartRequest {
  readonly instance: Instance
  readonly record: InstanceRecord
  /** Names of the programs to start. */
  readonly programs: readonly string[]
  /** What they are given, or why they cannot be. */
  readonly composition: Composition
  /** Writes the record's ports where others find them. */
  readonly writePorts: () => Promise<void>
}

export class Starter {
  readonly #options: StarterOptions

  constructor(options: StarterOptions) {
    this.#options = options
  }

  /** Starts the programs, or notes in the record what stands in the way. */
  async start(request: StartRequest, signal: AbortSignal): Promise<void> {
    const { instance, record, writePorts, composition } = request
    const obstacle = await this.#findObstacle(instance, record)
    if (obstacle !== undefined) return await this.note(instance, record, obstacle)
    if (composition.kind === 'obstacle') return await this.note(instance, record, composition.obstacle)
    const permit = instance.spec.unique === true ? await this.#permit(instance) : undefined
    if (permit?.kind === 'refused') return await this.note(instance, record, permit.obstacle)
    const composed = composition.programs
    const prepared = await prepare(instance, record.ports, {
      ...this.#options,
      composed,
      ...(permit && { token: permit.token }),
    })
    if (prepared.kind === 'obstacle') return await this.note(instance, record, prepared.obstacle)
    await this.note(instance, record, undefined)
    // the numbers must be known before a program has them: an agent that dies here is followed by one that reads them
    if (!deepEqual(record.ports, record.written?.ports ?? [])) await writePorts()
    if (permit !== undefined) record.fencingToken = permit.token
    const until = permit === undefined ? signal : AbortSignal.any([signal, permit.signal])
    for (const name of request.programs) {
      const program = record.programs.find((one) => one.name === name)
      const spec = prepared.specs.find((one) => one.id.program === name)
      if (program === undefined || spec === undefined) continue
      // only what was accepted counts: a manager that is away is no crash loop of the program
      const refusal = permit?.signal.aborted
        ? LEASE_LOST
        : await this.#startProgram(record, { spec, material: composed.get(name)?.material }, until)
      if (refusal !== undefined) return await this.note(instance, record, refusal)
      record.materials = instance.spec.materials ?? []
      program.startedAtMs = this.#options.clock.monotonic()
      const isFirst = !program.hasRun
      program.hasRun = true
      if (isFirst) await this.#options.tell(instance, announceStart(program))
      else program.restarts++
    }
  }

  async #permit(instance: Instance): Promise<Permit> {
    const { permits } = this.#options
    return permits === undefined ? { kind: 'refused', obstacle: LEASE_LOST } : await permits.permit(instance)
  }

  /** What the runtime says where it cannot run such a spec, however often it is asked. */
  async #startProgram(
    record: InstanceRecord,
    { spec, material }: { readonly spec: ProgramSpec; readonly material: ProgramMaterial | undefined },
    signal: AbortSignal,
  ): Promise<Obstacle | undefined> {
    const { runtime, materials } = this.#options
    try {
      const placed = material && (await materials.place(spec.id, material))
      if (placed?.fault !== undefined) {
        const { reason, message } = placed.fault
        record.materialNote = { lacking: true, reason, message }
        return placed.fault
      }
      await runtime.start(spec, signal)
      await placed?.kept
      return undefined
    } catch (error) {
      if (!isNsctlError(error, 'Invalid', 'Unsupported', 'TooLarge')) throw error
      const next = error.next === undefined ? '' : `: ${error.next}`
      return { phase: 'Failed', reason: 'Refused', message: `${error.message}${next}` }
    }
  }

  /** Puts the obstacle on record, or takes it off; tells it once. */
  async note(instance: Instance, record: InstanceRecord, obstacle: Obstacle | undefined): Promise<void> {
    const isNews = obstacle?.phase !== 'Pending' && record.obstacle?.message !== obstacle?.message
    record.obstacle = obstacle
    if (obstacle !== undefined && isNews) await this.#options.tell(instance, announceObstacle(obstacle))
  }

  /** What keeps the instance from starting just now. Gives it its ports on the way. */
  async #findObstacle(instance: Instance, record: InstanceRecord): Promise<Obstacle | undefined> {
    const { ports, places, node } = this.#options
    const earlier = places.predecessor(instance, record)
    if (earlier !== undefined) {
      const message = `waits for ${earlier.metadata.name} to end`
      return { phase: 'Pending', reason: 'WaitingForPredecessor', message }
    }
    const wanted = wantedPorts(instance)
    if (wanted.length === 0) return undefined
    const held = ports.claimFixed(record.uid, wanted)
    if (held !== undefined)
      return portInUse(
        held,
        places.nameOf((one) => one.uid === held.owner),
      )
    if (record.ports.length !== wanted.length) record.ports = await ports.allocate(record.uid, wanted)
    // what already runs of it has them
    if (this.#runs(record)) return undefined
    const taken = await ports.firstTaken(wanted, record.ports)
    if (taken === undefined) return undefined
    if (wanted.find((one) => one.name === taken.name)?.port !== undefined) {
      // one that was adopted and runs has never claimed it
      ports.releaseFixed(record.uid)
      const listens = (one: InstanceRecord) => one.ports.some(({ port }) => port === taken.port)
      const holder = places.nameOf((one) => one !== record && listens(one) && this.#runs(one))
      return portInUse(taken, holder ?? `another program on ${node}`)
    }
    ports.release(record.uid)
    ports.claimFixed(record.uid, wanted)
    record.ports = await ports.allocate(record.uid, wanted)
    return undefined
  }

  #runs(record: InstanceRecord): boolean {
    const observed = this.#options.runtime.observe()
    return record.programs.some(({ key }) => {
      const state = observed.get(key)?.state
      return state !== undefined && state !== 'exited'
    })
  }
}

const LEASE_LOST: Obstacle = {
  phase: 'Pending',
  reason: 'WaitingForLease',
  message: 'it is unique, and waits until this node has renewed its lease',
}

function portInUse({ name, port }: GivenPort, by = 'another instance'): Obstacle {
  return { phase: 'Backoff', reason: 'PortInUse', message: `port ${port} (${name}) is in use by ${by}` }
}
