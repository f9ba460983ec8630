/** A program and its probes in a line each. */
import { mapAt, numberAt, textAt, textsAt } from '../fields.ts'
import { printable } from '../width.ts'

/** `node server.js   128Mi, 500m, at most 1 CPU   in /srv/web`, of a template or of one program of a group. */
export function programLine(owner: Record<string, unknown>): string {
  const command = textsAt(owner, 'source.command').map(quoted).join(' ')
  const needs = [
    textAt(owner, 'resources.memory'),
    textAt(owner, 'resources.cpu'),
    prefixed('at most ', textAt(owner, 'limits.cpu'), ' CPU'),
    prefixed('at most ', numberAt(owner, 'limits.tasks'), ' tasks'),
  ].filter((part) => part !== undefined)
  const workingDir = textAt(owner, 'source.workingDir')
  const parts = [command, needs.join(', '), workingDir === undefined ? '' : `in ${workingDir}`]
  return printable(parts.filter((part) => part !== '').join('   '))
}

function prefixed(before: string, value: string | number | undefined, after: string): string | undefined {
  return value === undefined ? undefined : `${before}${value}${after}`
}

/** A word as a shell would need it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** `GET / on http every 5s, time-out 1s, fails after 3`; undefined where there is none. */
export function probeText(probe: Record<string, unknown> | undefined): string | undefined {
  if (probe === undefined) return undefined
  const http = mapAt(probe, 'http')
  const tcp = mapAt(probe, 'tcp')
  const exec = textsAt(probe, 'exec.command')
  const what =
    http !== undefined
      ? `GET ${textAt(http, 'path') ?? '/'} on ${http.port}`
      : tcp !== undefined
        ? `connect to ${tcp.port}`
        : exec.map(quoted).join(' ')
  const timing = [
    `every ${textAt(probe, 'period') ?? '5s'}`,
    `time-out ${textAt(probe, 'timeout') ?? '1s'}`,
    `fails after ${numberAt(probe, 'failureThreshold') ?? 3}`,
  ]
  const delay = textAt(probe, 'initialDelay')
  if (delay !== undefined) timing.push(`first after ${delay}`)
  return printable(`${what} ${timing.join(', ')}`)
}
