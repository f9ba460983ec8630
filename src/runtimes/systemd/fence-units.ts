/** The units of the fence around unique programs. Pure. None of their names is one that a program could have. */
import type { ManagerScope } from './dbus/address.ts'
import { plainValue, quoteWord } from './escape.ts'
import { UNIQUE_SLICE } from './names.ts'

export const WATCH_TEMPLATE = 'nsctl.fence@.service'
/** Asks what is unique to end. */
export const STOP_UNIT = 'nsctl.fence-stop.service'
/** Kills what has not. */
export const KILL_UNIT = 'nsctl.fence-kill.service'

export function watchUnitName(number: number): string {
  return `nsctl.fence@${number}.service`
}

const HEAD = '# Written by nsctl; changes here are lost.'
/** Each is started again and again, and must never be refused for that. It leaves nothing behind. */
const UNIT = ['CollectMode=inactive-or-failed', 'StartLimitIntervalSec=0', 'DefaultDependencies=no']
/** Where memory is short they go last; what each says at every renewal nobody needs to read. */
const SERVICE = ['OOMScoreAdjust=-1000', 'LogLevelMax=warning', 'TimeoutStopSec=1s']

/** Does nothing, and has the fence fall when it is not stopped in time, or ends in any other way. */
export function watchUnit(afterMs: number): string {
  return [
    HEAD,
    '[Unit]',
    'Description=nsctl: unique instances may run here until this fails',
    `OnFailure=${STOP_UNIT}`,
    ...UNIT,
    '',
    '[Service]',
    'Type=exec',
    // a process that stands still costs nothing
    `ExecStart=/bin/sh -c ${quoteWord('kill -STOP $$$$')}`,
    `RuntimeMaxSec=${afterMs}ms`,
    ...SERVICE,
    '',
  ].join('\n')
}

export interface FallingUnits {
  /** Absolute. */
  readonly systemctl: string
  readonly scope: ManagerScope
  /** Emptied before anything else: nothing is started any more. What it said of when all must be gone is heeded. */
  readonly file: string
}

/**
 * Asks all of the slice to end; where they have not after `graceMs`, or cannot be asked, they are killed. So they are at once where the time for that
 * has come already, because the machine stood still.
 */
export function fallingUnit({ systemctl, scope, file }: FallingUnits, graceMs: number): string {
  return [
    HEAD,
    '[Unit]',
    'Description=nsctl: unique instances end here, because the lease of this node was not renewed',
    `OnFailure=${KILL_UNIT}`,
    ...UNIT,
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=/bin/sh -c ${quoteWord(FALL)} sh ${quoteWord(file)}`,
    `ExecStart=${plainValue(systemctl)}${option(scope)} stop ${UNIQUE_SLICE}`,
    `TimeoutStartSec=${graceMs}ms`,
    ...SERVICE,
    '',
  ].join('\n')
}

export function killingUnit({ systemctl, scope }: FallingUnits): string {
  return [
    HEAD,
    '[Unit]',
    'Description=nsctl: unique instances are killed here, because they did not end in time',
    ...UNIT,
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=-${plainValue(systemctl)}${option(scope)} stop --no-block ${UNIQUE_SLICE}`,
    `ExecStart=-${plainValue(systemctl)}${option(scope)} kill -s KILL ${UNIQUE_SLICE}`,
    ...SERVICE,
    '',
  ].join('\n')
}

const FALL =
  'read -r until gone <"$$1"; : >"$$1"; read -r now rest </proc/uptime; [ "$${now%.*}" -lt "$${gone:-0}" ]'

function option(scope: ManagerScope): string {
  return scope === 'user' ? ' --user' : ''
}
