/** Quantities as Kubernetes writes them (500m, 128Mi) and durations as Go and systemd do (1m30s, 250ms). */
import { NsctlError } from './errors.ts'

/** Kubernetes' suffixes of whole amounts. */
export const SUFFIX_FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
}

const DURATION_FACTORS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 }

/** Schema patterns of the same syntax; crds/ repeats them and a test holds the two together. */
export const CPU_PATTERN = '^([0-9]+m|[0-9]+(\\.[0-9]{1,3})?)$'
export const MEMORY_PATTERN = '^[0-9]+(\\.[0-9]+)?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$'
export const DURATION_PATTERN = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$'

const CPU = new RegExp(CPU_PATTERN)
const DURATION = new RegExp(DURATION_PATTERN)
/** Sums of so many digits are exact. */
const MAX_DIGITS = 15
/** A duration of one part, as nearly all are. */
const PLAIN_DURATION = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)$/

/** CPU in thousandths of a core: `500m` and `0.5` are 500. */
export function parseCpuMillis(text: string | number): number {
  const raw = String(text)
  if (raw.endsWith('m')) {
    const millis = leadingDigits(raw, raw.length - 1)
    if (!Number.isNaN(millis)) return millis
  }
  if (!CPU.test(raw)) throw wrong('CPU quantity', raw, '500m or 0.5 (half a core)')
  return raw.endsWith('m') ? Number(raw.slice(0, -1)) : Math.round(Number(raw) * 1000)
}

/** Memory in bytes: `128Mi`, `1.5G`, `1048576`. */
export function parseMemoryBytes(text: string | number): number {
  const raw = String(text)
  if (raw.endsWith('i')) {
    const value = leadingDigits(raw, raw.length - 2)
    const binary = SUFFIX_FACTORS[raw.slice(-2)]
    if (!Number.isNaN(value) && binary !== undefined) return value * binary
  }
  const match = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)$/.exec(raw)
  const factor = match?.[2] === undefined ? undefined : SUFFIX_FACTORS[match[2]]
  if (match?.[1] === undefined || factor === undefined) throw wrong('memory quantity', raw, '128Mi or 1G')
  return Math.round(Number(match[1]) * factor)
}

/** The number that `text` begins with where that is digits only; NaN otherwise. No expression: thousands are parsed at a time. */
function leadingDigits(text: string, end: number): number {
  let value = 0
  for (let at = 0; at < end; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return end > 0 && end <= MAX_DIGITS ? value : Number.NaN
}

/** A duration in milliseconds: `250ms`, `5s`, `1m30s`, `2h`, `7d`. */
export function parseDurationMs(text: string): number {
  if (text.endsWith('s')) {
    const isMs = text.endsWith('ms')
    const value = leadingDigits(text, text.length - (isMs ? 2 : 1))
    if (!Number.isNaN(value)) return isMs ? value : value * 1e3
  }
  const plain = PLAIN_DURATION.exec(text)
  if (plain !== null) return Number(plain[1]) * DURATION_FACTORS[plain[2]!]!
  if (!DURATION.test(text)) throw wrong('duration', text, '500ms, 30s or 1m30s')
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * DURATION_FACTORS[unit as string]!
  }
  return totalMs
}

/** Bytes as people read them: `96Mi`, `1.5Gi`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)}`
  const units = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi']
  let value = bytes
  let unit = -1
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}${units[unit]}`
}

/** Thousandths of a core as people read them: `210m`, `2`. */
export function formatCpu(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${Math.round(millis)}m`
}

/** An age or a span as kubectl prints it: `12s`, `3m4s`, `5h`, `4d`. */
export function formatAge(spanMs: number): string {
  const seconds = Math.max(0, Math.floor(spanMs / 1000))
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`
  if (hours < 48) return `${hours}h`
  return `${Math.floor(hours / 24)}d`
}

function wrong(what: string, value: string, example: string): NsctlError {
  return new NsctlError('Invalid', `not a ${what}: ${JSON.stringify(value)}`, {
    value,
    next: `write it like ${example}`,
  })
}
