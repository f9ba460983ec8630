/**
 * The fence around unique programs, held by PID 1 alone: they are units of a slice of their own, and a unit that may run for FENCE_STOP_MS stands
 * for each arming. One that is not stopped before fails, and has the slice stopped, then killed. A file says until when a unit of the slice may
 * be started; each looks there before anything else.
 */
import { join } from 'node:path'
import { FENCE_KILL_MS, FENCE_STOP_MS } from '../../resources/fencing.ts'
import type { ArmedFence, ProgramId } from '../runtime.ts'
import type { DesiredSet } from './desired.ts'
import {
  fallingUnit,
  KILL_UNIT,
  killingUnit,
  STOP_UNIT,
  WATCH_TEMPLATE,
  watchUnit,
  watchUnitName,
} from './fence-units.ts'
import type { Layout } from './layout.ts'
import { isMissingUnit, type UnitManager } from './manager.ts'
import { isFencedUnit } from './unit.ts'

export interface SystemdFenceOptions {
  readonly layout: Layout
  readonly desired: Pick<DesiredSet, 'instances'>
  readonly manager: Pick<UnitManager, 'start' | 'stop' | 'reload'>
  /** Absolute. */
  readonly systemctl: string
  /** Since the machine's boot, suspended times included; never more than it is. */
  readonly uptimeMs: () => number | Promise<number>
}

export class SystemdFence {
  readonly #options: SystemdFenceOptions
  /** Those that were armed and not lifted, by this process or one before it. */
  readonly #armed: Set<number>
  #last: number
  #isReady = false

  constructor(options: SystemdFenceOptions) {
    this.#options = options
    this.#armed = new Set(numbersIn(options.layout))
    this.#last = Math.max(0, ...this.#armed)
  }

  async arm(): Promise<ArmedFence> {
    const { manager, layout, uptimeMs } = this.#options
    this.#prepare()
    const number = ++this.#last
    this.#armed.add(number)
    layout.disk.write(join(layout.fenceDir, String(number)), '', { mode: 0o600 })
    await layout.disk.settled()
    const armedMs = await uptimeMs()
    const unit = watchUnitName(number)
    try {
      await manager.start(unit)
    } catch (error) {
      if (!isMissingUnit(error)) throw error
      // the files are younger than the clock tick in which systemd last looked at the folder
      await manager.reload()
      await manager.start(unit)
    }
    return { confirm: () => this.#confirm(number, armedMs) }
  }

  fenced(): readonly ProgramId[] {
    return this.#options.desired.instances().flatMap(({ id, unit }) => (isFencedUnit(unit) ? [id] : []))
  }

  /** Before the runtime's files go. */
  async lift(): Promise<void> {
    await this.#liftAllBut(undefined)
    const { disk, fenceDir, unitDir } = this.#options.layout
    disk.remove(fenceDir)
    for (const name of [WATCH_TEMPLATE, STOP_UNIT, KILL_UNIT]) disk.remove(join(unitDir, name))
    this.#isReady = false
  }

  async #confirm(number: number, armedMs: number): Promise<void> {
    const { layout, uptimeMs } = this.#options
    // whoever stood still since then finds that it has fallen
    if ((await uptimeMs()) - armedMs >= FENCE_STOP_MS) return
    const [until, gone] = [FENCE_STOP_MS, FENCE_KILL_MS].map((afterMs) =>
      Math.floor((armedMs + afterMs) / 1e3),
    )
    layout.disk.write(
      layout.fenceFile,
      `${until} ${gone}
`,
      { mode: 0o600 },
    )
    await layout.disk.settled()
    await this.#liftAllBut(number)
  }

  async #liftAllBut(number: number | undefined): Promise<void> {
    const { manager, layout } = this.#options
    const others = [...this.#armed].filter((one) => one !== number && (number === undefined || one < number))
    await Promise.all(
      others.map(async (one) => {
        await manager.stop(watchUnitName(one))
        layout.disk.remove(join(layout.fenceDir, String(one)))
        this.#armed.delete(one)
      }),
    )
  }

  #prepare(): void {
    if (this.#isReady) return
    const { layout, systemctl } = this.#options
    layout.disk.makeFolder(layout.fenceDir, 0o700)
    layout.disk.makeFolder(layout.unitDir, 0o755)
    const write = (name: string, text: string) =>
      layout.disk.write(join(layout.unitDir, name), text, { mode: 0o644 })
    write(WATCH_TEMPLATE, watchUnit(FENCE_STOP_MS))
    const how = { systemctl, scope: layout.scope, file: layout.fenceFile }
    write(STOP_UNIT, fallingUnit(how, FENCE_KILL_MS - FENCE_STOP_MS))
    write(KILL_UNIT, killingUnit(how))
    this.#isReady = true
  }
}

function numbersIn({ disk, fenceDir }: Layout): readonly number[] {
  return disk.names(fenceDir).map(Number).filter(Number.isSafeInteger)
}
