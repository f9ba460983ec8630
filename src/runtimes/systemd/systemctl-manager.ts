/**
 * The manager by systemctl, where no D-Bus leads to it. Requests of one tick share a process; changes are looked for, so they are
 * seen later, and an exit between two looks may be known only by its restart.
 */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { DbusManagerOptions } from './dbus-manager.ts'
import { NO_SUCH_UNIT, type UnitChange, type UnitManager } from './manager.ts'
import { parseUnitName, UNIT_PATTERN } from './names.ts'
import { PROPERTIES, toUnitChange } from './properties.ts'

const LOOK_EVERY_MS = 500
const MAX_OUTPUT_BYTES = 2 ** 26

type Options = Pick<DbusManagerOptions, 'scope' | 'events' | 'logger' | 'signal' | 'pattern'>

/** Looks once before it resolves. @throws Unreachable where systemctl is missing or its manager does not answer */
export async function openSystemctlManager(options: Options): Promise<UnitManager> {
  const manager = new SystemctlManager(options)
  await manager.open()
  return manager
}

class SystemctlManager implements UnitManager {
  version = 0
  controlGroup = ''
  readonly #options: Options
  readonly #closing = new AbortController()
  /** Units by the verb that they wait for, with what to call when it is done. */
  readonly #waiting = new Map<string, Map<string, PromiseWithResolvers<void>>>()

  constructor(options: Options) {
    this.#options = options
  }

  async open(): Promise<void> {
    const properties = parseBlock(await this.#systemctl(['show', '--property=Version,ControlGroup']))
    this.version = Number.parseInt(properties.get('Version') ?? '', 10)
    this.controlGroup = properties.get('ControlGroup') ?? ''
    await this.#look()
    void this.#lookOn()
  }

  async reload(): Promise<void> {
    await this.#systemctl(['daemon-reload'])
  }

  async start(unit: string): Promise<void> {
    await this.#gather('start', unit)
    await this.#look()
  }

  async stop(unit: string): Promise<void> {
    await this.#gather('stop', unit).catch(ignoreMissing)
    await this.#look()
  }

  async resetFailed(unit: string): Promise<void> {
    await this.#gather('reset-failed', unit).catch(ignoreMissing)
  }

  async kill(unit: string, signal: number, whom: 'all' | 'main'): Promise<void> {
    const main = whom === 'main' ? ['--kill-whom=main'] : []
    await this.#systemctl(['kill', `--signal=${signal}`, ...main, unit]).catch(ignoreMissing)
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }

  #gather(verb: string, unit: string): Promise<void> {
    let units = this.#waiting.get(verb)
    if (units === undefined) {
      units = new Map()
      this.#waiting.set(verb, units)
      setImmediate(() => void this.#flush(verb))
    }
    const known = units.get(unit)
    if (known !== undefined) return known.promise
    const waiting = Promise.withResolvers<void>()
    units.set(unit, waiting)
    return waiting.promise
  }

  async #flush(verb: string): Promise<void> {
    const units = this.#waiting.get(verb) ?? new Map<string, PromiseWithResolvers<void>>()
    this.#waiting.delete(verb)
    try {
      await this.#systemctl([verb, '--no-block', '--', ...units.keys()])
      for (const { resolve } of units.values()) resolve()
    } catch (error) {
      for (const { reject } of units.values()) reject(error)
    }
  }

  async #lookOn(): Promise<void> {
    const { signal } = this.#closing
    const stop = AbortSignal.any([signal, this.#options.signal])
    while (!stop.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: stop, ref: false }).catch(() => {})
      if (stop.aborted) return
      await this.#look().catch((error: unknown) => {
        this.#options.logger.log('warn', 'systemctl could not show units', { error: messageOf(error) })
      })
    }
  }

  async #look(): Promise<void> {
    const properties = ['Id', ...PROPERTIES].join(',')
    const pattern = this.#options.pattern ?? UNIT_PATTERN
    const text = await this.#systemctl([
      'show',
      '--timestamp=us+utc',
      `--property=${properties}`,
      '--',
      pattern,
    ])
    this.#options.events.all(parseUnits(text))
  }

  async #systemctl(args: readonly string[]): Promise<string> {
    const scope = this.#options.scope === 'user' ? ['--user'] : []
    try {
      const { stdout } = await promisify(execFile)('systemctl', [...scope, ...args], {
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0' },
      })
      return stdout
    } catch (error) {
      const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
      const missing = /not found|not loaded/i.test(stderr)
      throw new NsctlError(
        missing || /refused|failed/i.test(stderr) ? 'Failed' : 'Unreachable',
        `systemctl ${args[0]} failed: ${stderr.trim() || String(code)}`,
        {
          cause: error,
          ...(missing ? { value: NO_SUCH_UNIT } : {}),
          next: 'check that systemd runs: systemctl status',
        },
      )
    }
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof NsctlError && error.value === NO_SUCH_UNIT)) throw error
}

/** Blocks of `Name=value` lines, one a unit, of `systemctl show`. */
export function parseUnits(text: string): ReadonlyMap<string, UnitChange> {
  const units = new Map<string, UnitChange>()
  for (const block of text.split('\n\n')) {
    const properties = parseBlock(block)
    const unit = properties.get('Id') ?? ''
    if (parseUnitName(unit) === undefined || properties.get('ActiveState') === undefined) continue
    for (const [name, value] of properties)
      if (name.endsWith('Timestamp')) properties.set(name, String(microseconds(value)))
    units.set(unit, toUnitChange(properties) ?? {})
  }
  return units
}

/** `Fri 2026-11-20 13:29:51.123456 UTC`; 0 for what never happened. */
function microseconds(text: string): number {
  const match = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))? UTC/.exec(text)
  if (match === null) return 0
  return Date.parse(`${match[1]}T${match[2]}Z`) * 1000 + Number((match[3] ?? '').padEnd(6, '0'))
}

function parseBlock(block: string): Map<string, string> {
  return new Map(
    block
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}
