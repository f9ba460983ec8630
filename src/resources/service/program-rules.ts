/** Rules of programs: where they come from, their variables and resources, and what a group's programs have of their own. */
import type { Path } from '../../core/json.ts'
import { parseCpuMillis, parseMemoryBytes } from '../../core/quantity.ts'
import { configVariable } from '../material-names.ts'
import { quote } from '../validation/words.ts'
import { checkDuration, type DurationRule, findDuplicates, type Issues, TEMPLATE } from './field-rules.ts'
import type { ManifestEnv, ManifestProgram, ManifestSpec, ManifestTemplate } from './manifest-types.ts'
import { checkEnvFrom, checkOriginOfValue } from './material-rules.ts'
import { checkProbe } from './probe-rules.ts'

const MIN_MEMORY_BYTES = 2 ** 20
/** systemd's CPUQuota has no less than 1 %. */
const MIN_QUOTA_MILLIS = 10
const GRACE: DurationRule = { member: 'gracePeriod', leastMs: 0 }
/** What nsctl sets: $PORT, $PORT_HTTP, $STORAGE_DATA. */
const PROVIDED = /^(PORT|STORAGE)(?:_(.+))?$/
const CREDENTIALS = 'CREDENTIALS_DIRECTORY'
/** How any of them begins. */
const RESERVED = /^(?:PORT|STORAGE|CONFIG_|CRED|NSCTL_|nsctl__)/
/** By this a runtime without systemd knows which processes came of which start. */
const MARK = 'NSCTL_ATTEMPT'
/** Of the script that programs pass through on their way there. */
const OWN_PREFIX = 'nsctl__'

/** Members of a template that belong to each program once there is a group. */
const PER_PROGRAM = ['resources', 'limits', 'readiness', 'liveness', 'startup', 'busy'] as const

export function checkPrograms(issues: Issues, spec: ManifestSpec): void {
  const { template } = spec
  checkOrigin(issues, template)
  checkProgram(issues, template, TEMPLATE, spec)
  checkDuration(issues, template.stop?.gracePeriod, GRACE, (member) => [...TEMPLATE, 'stop', member])
  if (template.programs === undefined) return
  findDuplicates(issues, template.programs, TEMPLATE, 'programs')
  for (const [index, program] of template.programs.entries())
    checkProgram(issues, program, [...TEMPLATE, 'programs', index], spec)
}

function checkOrigin(issues: Issues, template: ManifestTemplate): void {
  const { source, programs } = template
  if (source === undefined && programs === undefined)
    issues.push({ path: TEMPLATE, message: 'needs source (one program) or programs (a group)' })
  if (programs === undefined) return
  if (source !== undefined) {
    issues.push({
      path: [...TEMPLATE, 'programs'],
      message: 'cannot stand beside source: give one of the two',
    })
    return
  }
  for (const name of PER_PROGRAM)
    if (template[name] !== undefined)
      issues.push({
        path: [...TEMPLATE, name],
        message: `belongs to each program of a group: spec.template.programs[].${name}`,
      })
}

function checkProgram(issues: Issues, program: ManifestProgram, path: Path, spec: ManifestSpec): void {
  checkSource(issues, program, path)
  checkEnv(issues, program.env, path, spec)
  checkEnvFrom(issues, program.envFrom, path)
  checkRequests(issues, program, path)
  checkLimits(issues, program, path)
  checkProbe(issues, program.readiness, spec.template, { program: path, name: 'readiness' })
  checkProbe(issues, program.liveness, spec.template, { program: path, name: 'liveness' })
  checkProbe(issues, program.startup, spec.template, { program: path, name: 'startup' })
  checkProbe(issues, program.busy, spec.template, { program: path, name: 'busy' })
}

function checkSource(issues: Issues, { source }: ManifestProgram, path: Path): void {
  if (source === undefined) return
  const { command, workingDir } = source
  const at = (...steps: readonly (string | number)[]): Path => [...path, 'source', ...steps]
  const program = command[0] ?? ''
  if (program.trim() === '')
    issues.push({ path: at('command', 0), message: 'must name a program', value: program })
  for (let index = 0; index < command.length; index++)
    if (command[index]!.includes('\0'))
      issues.push({ path: at('command', index), message: 'must not contain a NUL character' })
  if (workingDir?.includes('\0'))
    issues.push({ path: at('workingDir'), message: 'must not contain a NUL character' })
  else if (workingDir !== undefined && !workingDir.startsWith('/'))
    issues.push({
      path: at('workingDir'),
      message: `must be absolute: ${quote(workingDir)} is relative, and only a manifest in a file has a folder to be relative to`,
      value: workingDir,
    })
  if (workingDir === undefined && program.includes('/') && !program.startsWith('/'))
    issues.push({
      path: at('command', 0),
      message: `is relative (${quote(program)}), and there is no workingDir to be relative to`,
      value: program,
    })
}

function configMeaning(variable: string, { template: { configs = [] } }: ManifestSpec): string | undefined {
  const config = configs.find(({ name }) => configVariable(name) === variable)
  return config && `$${variable} is the directory with the files of config ${config.name}`
}

/** What a variable is that nsctl sets; undefined for a program's own. */
function providedMeaning(variable: string, spec: ManifestSpec): string | undefined {
  // asked of every variable there is
  if (!RESERVED.test(variable)) return undefined
  if (variable === MARK) return `$${MARK} names the run that a process belongs to`
  if (variable.startsWith(OWN_PREFIX)) return `names that begin with ${OWN_PREFIX} are its own`
  if (variable === CREDENTIALS) return `$${CREDENTIALS} is the directory with the files of Secrets`
  if (variable.startsWith('CONFIG_')) return configMeaning(variable, spec)
  return addressMeaning(variable, spec)
}

/** What a variable is that tells a program of a port or of storage. */
function addressMeaning(variable: string, { template, storage = [] }: ManifestSpec): string | undefined {
  const match = PROVIDED.exec(variable)
  if (match === null) return undefined
  const [, prefix, suffix] = match
  const named = ({ name }: { readonly name: string }) => name.toUpperCase().replaceAll('-', '_') === suffix
  if (prefix === 'STORAGE') {
    const volume = storage.find(named)
    return volume && `$${variable} is the path of storage ${volume.name}`
  }
  const port = suffix === undefined ? template.ports?.[0] : template.ports?.find(named)
  return port && `$${variable} is the number of port ${port.name}`
}

function checkEnv(
  issues: Issues,
  env: readonly ManifestEnv[] | undefined,
  path: Path,
  spec: ManifestSpec,
): void {
  if (env === undefined) return
  findDuplicates(issues, env, path, 'env')
  for (let index = 0; index < env.length; index++) {
    const { name, value, valueFrom } = env[index]!
    const meaning = providedMeaning(name, spec)
    if (meaning !== undefined)
      issues.push({
        path: [...path, 'env', index, 'name'],
        message: `is set by nsctl: ${meaning}`,
        value: name,
      })
    if (value?.includes('\0'))
      issues.push({ path: [...path, 'env', index, 'value'], message: 'must not contain a NUL character' })
    if (valueFrom !== undefined) checkOriginOfValue(issues, env[index]!, [...path, 'env', index])
  }
}

function checkRequests(issues: Issues, { resources }: ManifestProgram, path: Path): void {
  if (resources === undefined) return
  const { cpu, memory } = resources
  if (cpu !== undefined && parseCpuMillis(cpu) < 1)
    issues.push({
      path: [...path, 'resources', 'cpu'],
      message: `must be more than 0, not ${quote(cpu)}`,
      value: cpu,
    })
  if (memory === undefined) return
  const bytes = parseMemoryBytes(memory)
  if (bytes < MIN_MEMORY_BYTES)
    issues.push({
      path: [...path, 'resources', 'memory'],
      message: `must be at least 1Mi, and ${quote(memory)} is ${bytes} bytes`,
      value: memory,
      ...(/^\d+$/.test(memory) && bytes > 0 ? { suggestion: `${memory}Mi` } : {}),
    })
  else if (!Number.isSafeInteger(bytes))
    issues.push({
      path: [...path, 'resources', 'memory'],
      message: `is more than any machine has: ${quote(memory)}`,
    })
}

function checkLimits(issues: Issues, { resources, limits }: ManifestProgram, path: Path): void {
  const quota = limits?.cpu
  if (quota === undefined) return
  const share = resources?.cpu
  const quotaMillis = parseCpuMillis(quota)
  let message: string | undefined
  if (quotaMillis < MIN_QUOTA_MILLIS) message = `must be at least 10m, not ${quote(quota)}`
  else if (share !== undefined && quotaMillis < parseCpuMillis(share))
    message = `must be at least resources.cpu (${share}), not ${quote(quota)}`
  if (message !== undefined) issues.push({ path: [...path, 'limits', 'cpu'], message, value: quota })
}
