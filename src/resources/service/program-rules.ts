/** Rules of programs: where they come from, their variables and resources, and what a group's programs have of their own. */
import type { Path } from '../../core/json.ts'
import { parseCpuMillis, parseMemoryBytes } from '../../core/quantity.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { duplicateIssues, durationIssue } from './field-rules.ts'
import type { ManifestEnv, ManifestProgram, ManifestSpec, ManifestTemplate } from './manifest-types.ts'
import { probeIssues } from './probe-rules.ts'

const TEMPLATE: Path = ['spec', 'template']
const MIN_MEMORY_BYTES = 2 ** 20
/** systemd's CPUQuota has no less than 1 %. */
const MIN_QUOTA_MILLIS = 10

/** Members of a template that belong to each program once there is a group. */
const PER_PROGRAM = ['resources', 'limits', 'readiness', 'liveness'] as const

export function programIssues(spec: ManifestSpec): readonly FieldIssue[] {
  const { template } = spec
  const issues = [...originIssues(template), ...oneProgramIssues(template, TEMPLATE, spec)]
  const grace = durationIssue(template.stop?.gracePeriod, [...TEMPLATE, 'stop', 'gracePeriod'], {
    zero: true,
  })
  if (grace) issues.push(grace)
  const programs = template.programs ?? []
  issues.push(...duplicateIssues(programs, [...TEMPLATE, 'programs']))
  for (const [index, program] of programs.entries())
    issues.push(...oneProgramIssues(program, [...TEMPLATE, 'programs', index], spec))
  return issues
}

function originIssues(template: ManifestTemplate): readonly FieldIssue[] {
  const { source, programs } = template
  if (source === undefined && programs === undefined)
    return [{ path: TEMPLATE, message: 'needs source (one program) or programs (a group)' }]
  if (source !== undefined && programs !== undefined)
    return [{ path: [...TEMPLATE, 'programs'], message: 'cannot stand beside source: give one of the two' }]
  if (programs === undefined) return []
  return PER_PROGRAM.filter((name) => template[name] !== undefined).map((name) => ({
    path: [...TEMPLATE, name],
    message: `belongs to each program of a group: spec.template.programs[].${name}`,
  }))
}

function oneProgramIssues(program: ManifestProgram, path: Path, spec: ManifestSpec): readonly FieldIssue[] {
  const { template } = spec
  return [
    ...sourceIssues(program, path),
    ...envIssues(program.env ?? [], [...path, 'env'], spec),
    ...resourceIssues(program, path),
    ...(program.readiness ? probeIssues(program.readiness, template, [...path, 'readiness']) : []),
    ...(program.liveness ? probeIssues(program.liveness, template, [...path, 'liveness']) : []),
  ]
}

function sourceIssues({ source }: ManifestProgram, path: Path): readonly FieldIssue[] {
  if (source === undefined) return []
  const { command, workingDir } = source
  const issues: FieldIssue[] = []
  const at = [...path, 'source']
  const program = command[0] ?? ''
  if (program.trim() === '')
    issues.push({ path: [...at, 'command', 0], message: 'must name a program', value: program })
  for (const [index, argument] of command.entries())
    if (argument.includes('\0'))
      issues.push({ path: [...at, 'command', index], message: 'must not contain a NUL character' })
  if (workingDir?.includes('\0'))
    issues.push({ path: [...at, 'workingDir'], message: 'must not contain a NUL character' })
  else if (workingDir !== undefined && !workingDir.startsWith('/'))
    issues.push({
      path: [...at, 'workingDir'],
      message: `must be absolute: ${quote(workingDir)} is relative, and only a manifest in a file has a folder to be relative to`,
      value: workingDir,
    })
  if (workingDir === undefined && program.includes('/') && !program.startsWith('/'))
    issues.push({
      path: [...at, 'command', 0],
      message: `is relative (${quote(program)}), and there is no workingDir to be relative to`,
      value: program,
    })
  return issues
}

/** What nsctl sets a variable to, or undefined where it is the program's own. */
function providedMeaning(variable: string, { template, storage = [] }: ManifestSpec): string | undefined {
  const match = /^(PORT|STORAGE)(?:_(.+))?$/.exec(variable)
  if (match === null) return undefined
  const [, prefix, suffix] = match
  const named = ({ name }: { readonly name: string }) => name.toUpperCase().replaceAll('-', '_') === suffix
  if (prefix === 'STORAGE') {
    const volume = storage.find(named)
    return volume && `the path of storage ${volume.name}`
  }
  const port = suffix === undefined ? template.ports?.[0] : template.ports?.find(named)
  return port && `the number of port ${port.name}`
}

function envIssues(env: readonly ManifestEnv[], path: Path, spec: ManifestSpec): readonly FieldIssue[] {
  const issues = [...duplicateIssues(env, path)]
  for (const [index, { name, value }] of env.entries()) {
    const meaning = providedMeaning(name, spec)
    if (meaning !== undefined)
      issues.push({
        path: [...path, index, 'name'],
        message: `is set by nsctl: $${name} is ${meaning}`,
        value: name,
      })
    if (value?.includes('\0'))
      issues.push({ path: [...path, index, 'value'], message: 'must not contain a NUL character' })
  }
  return issues
}

function resourceIssues({ resources, limits }: ManifestProgram, path: Path): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const at = (...steps: readonly string[]): Path => [...path, ...steps]
  const [share, quota] = [resources?.cpu, limits?.cpu]
  if (share !== undefined && parseCpuMillis(share) < 1)
    issues.push({
      path: at('resources', 'cpu'),
      message: `must be more than 0, not ${quote(share)}`,
      value: share,
    })
  if (resources?.memory !== undefined) {
    const bytes = parseMemoryBytes(resources.memory)
    if (bytes < MIN_MEMORY_BYTES)
      issues.push({
        path: at('resources', 'memory'),
        message: `must be at least 1Mi, and ${quote(resources.memory)} is ${bytes} bytes`,
        value: resources.memory,
        ...(/^\d+$/.test(resources.memory) && bytes > 0 ? { suggestion: `${resources.memory}Mi` } : {}),
      })
    else if (!Number.isSafeInteger(bytes))
      issues.push({
        path: at('resources', 'memory'),
        message: `is more than any machine has: ${quote(resources.memory)}`,
      })
  }
  if (quota !== undefined) {
    if (parseCpuMillis(quota) < MIN_QUOTA_MILLIS)
      issues.push({
        path: at('limits', 'cpu'),
        message: `must be at least 10m, not ${quote(quota)}`,
        value: quota,
      })
    else if (share !== undefined && parseCpuMillis(quota) < parseCpuMillis(share))
      issues.push({
        path: at('limits', 'cpu'),
        message: `must be at least resources.cpu (${share}), not ${quote(quota)}`,
        value: quota,
      })
  }
  return issues
}
