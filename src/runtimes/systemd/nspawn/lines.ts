/** What the unit of a program in a container says that others' do not. Pure. */
import { createHash } from 'node:crypto'
import { configVariable } from '../../../resources/material-names.ts'
import { materialPlaces } from '../../material-files.ts'
import type { ProgramId, ProgramSpec } from '../../runtime.ts'
import { cannotCarry, hasControlCharacters, quoteWord } from '../escape.ts'
import type { Layout } from '../layout.ts'
import { configTarget, givenCredentials, linkTargets, refuseNames } from '../material-lines.ts'
import { storageVariable, templateStem } from '../names.ts'
import type { ContainerRoot } from './root.ts'
import { INNER, keeperPath } from './shim.ts'

export type ContainerLayout = Pick<
  Layout,
  'scope' | 'materialDir' | 'linkDir' | 'givenDir' | 'containerDir' | 'envDir' | 'storageDir'
>

/** Where the keeper and systemd-nspawn's tools are looked for: not in a PATH of the program's. */
export const TOOLS_PATH =
  '/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The upper half of the user ids that systemd keeps for containers: what hands them out from the bottom does not meet these. */
const FIRST_RANGE = 0x4000
const LAST_RANGE = 0x6fff
const RANGE_SIZE = 0x10000

/** The machine's uid for root inside; a range of 65,536 begins there. One for all of a service, so that storage keeps its owner. */
export function containerOwner({ namespace, service }: Pick<ProgramId, 'namespace' | 'service'>): number {
  const hash = createHash('sha256').update(`${namespace}/${service}`).digest().readUInt32LE()
  return (FIRST_RANGE + (hash % (LAST_RANGE - FIRST_RANGE + 1))) * RANGE_SIZE
}

/** Whether a unit's text is that of a program in a container: no other has groups of its own below its own. */
export function isContainer(unit: string): boolean {
  return unit.includes('\nDelegate=yes\n')
}

/** Where systemd-nspawn puts what it is told to load. */
export const LOADED_CREDENTIALS = '/run/host/credentials'

/** The lines of [Service] instead of those that execute and protect others. @throws Invalid for what no command line can carry */
export function containerLines(
  spec: ProgramSpec,
  shared: Readonly<Record<string, string>>,
  root: ContainerRoot,
  layout: ContainerLayout,
): readonly string[] {
  for (const text of [...spec.command, ...Object.values(shared)])
    if (text.includes('\0')) throw cannotCarry('text with a zero byte', text)
  const owner = containerOwner(spec.id)
  const words = [
    '/bin/sh',
    keeperPath(layout.containerDir),
    raw(`${layout.containerDir}/%n`),
    String(owner),
    ...readyWords(spec, layout),
    '--',
    'systemd-nspawn',
    ...nspawnWords(spec, shared, root, layout, owner),
    '--',
    root.shell,
    '-c',
    INNER,
    'sh',
    ...spec.command,
  ]
  return [
    'Type=notify',
    'NotifyAccess=all',
    'Delegate=yes',
    'DevicePolicy=closed',
    'DeviceAllow=char-pts rw',
    'DeviceAllow=/dev/net/tun rwm',
    'IgnoreSIGPIPE=no',
    'WorkingDirectory=/',
    `Environment=PATH=${TOOLS_PATH}`,
    // the colon keeps systemd from replacing $VARIABLES
    `ExecStart=:${words.map((word) => (typeof word === 'string' ? quoteWord(word) : word.text)).join(' ')}`,
  ]
}

/** A word in which systemd is to replace specifiers. */
interface Raw {
  readonly text: string
}
const raw = (text: string): Raw => ({ text: `"${text}"` })

/** What the keeper makes ready. */
function readyWords(
  { id, storage, material }: ProgramSpec,
  layout: ContainerLayout,
): readonly (string | Raw)[] {
  const own = placesOf(id, layout)
  return [
    'env',
    raw(`${layout.envDir}/%n`),
    ...(material?.environment ? ['env', raw(own.environment)] : []),
    ...(material?.folders ?? []).flatMap(({ name }) => ['folder', raw(`${own.folders}/${name}`)]),
    ...storage.flatMap(({ name }) => ['volume', raw(`${volumeDir(id, name, layout)}/%i`)]),
  ]
}

function nspawnWords(
  spec: ProgramSpec,
  shared: Readonly<Record<string, string>>,
  root: ContainerRoot,
  layout: ContainerLayout,
  owner: number,
): readonly (string | Raw)[] {
  const { id, storage, network, relax, material } = spec
  const stem = templateStem(id)
  const variables = {
    ...shared,
    ...Object.fromEntries(storage.map(({ name, path }) => [storageVariable(name), path])),
  }
  const isSecret = material !== undefined && (material.credentials.length > 0 || material.environment)
  return [
    '--quiet',
    '--settings=no',
    '--register=no',
    '--keep-unit',
    '--as-pid2',
    '--console=pipe',
    '--link-journal=no',
    // names of folders in /run that are the machine's: unlike any other's
    raw(`--machine=${machineName(stem)}-%i`),
    raw(`--hostname=${id.service.slice(0, 50)}-%i`),
    `--directory=${root.directory}`,
    '--volatile=overlay',
    `--private-users=${owner}:${RANGE_SIZE}`,
    '--private-users-ownership=off',
    ...(network === 'none' ? ['--private-network', '--resolv-conf=off'] : []),
    ...(relax.includes('all') || relax.includes('NoNewPrivileges') ? [] : ['--no-new-privileges=yes']),
    ...(isSecret && !relax.includes('all') && !relax.includes('LimitCORE') ? ['--rlimit=RLIMIT_CORE=0'] : []),
    `--chdir=${spec.workingDir}`,
    ...root.shown.map((path) => `--bind-ro=${bindPath(path)}`),
    ...storage.map(({ name, path }) =>
      raw(`--bind=${volumeDir(id, name, layout)}/%i:${specifierSafe(bindPath(path))}`),
    ),
    ...materialWords(spec, layout),
    ...Object.entries(variables).map(([name, value]) => `--setenv=${name}=${value}`),
  ]
}

function materialWords(
  { id, material: shape }: ProgramSpec,
  layout: ContainerLayout,
): readonly (string | Raw)[] {
  if (shape === undefined) return []
  refuseNames(shape)
  const own = placesOf(id, layout)
  const given = givenCredentials(layout)
  const live = shape.live && shape.credentials.length > 0
  return [
    ...(live
      ? [raw(`--bind-ro=${own.credentials}:${given}`), `--setenv=CREDENTIALS_DIRECTORY=${given}`]
      : shape.credentials.map((name) => raw(`--load-credential=${name}:${own.credentials}/${name}`))),
    ...shape.folders.flatMap((folder) => {
      const to = configTarget(folder, layout)
      return [
        raw(`--bind-ro=${own.folders}/${folder.name}:${specifierSafe(bindPath(to))}`),
        `--setenv=${configVariable(folder.name)}=${to}`,
      ]
    }),
    ...linkTargets(shape).map(
      ({ path, name }) => `--bind-ro=${layout.linkDir}/${templateStem(id)}/${name}:${bindPath(path)}`,
    ),
  ]
}

function placesOf(id: ProgramId, { materialDir }: ContainerLayout): ReturnType<typeof materialPlaces> {
  return materialPlaces(`${materialDir}/${templateStem(id)}/%i`)
}

function volumeDir(
  { namespace, service }: ProgramId,
  volume: string,
  { storageDir }: ContainerLayout,
): string {
  return `${storageDir}/${namespace}/${service}/${volume}`
}

function machineName(stem: string): string {
  return `nsctl-${createHash('sha256').update(stem).digest('hex').slice(0, 16)}`
}

/** A colon ends a path for systemd-nspawn. @throws Invalid */
function bindPath(path: string): string {
  if (hasControlCharacters(path)) throw cannotCarry('path', path)
  return path.replace(/[\\:]/g, '\\$&')
}

/** Text within a word whose specifiers are replaced. */
function specifierSafe(text: string): string {
  return quoteWord(text).slice(1, -1)
}
