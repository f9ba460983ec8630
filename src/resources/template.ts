/** What follows from a Service's template: the hash that names it, and its programs in one form. */
import { digest } from '../core/ids.ts'
import { canonicalJson } from '../core/json.ts'
import type {
  ServiceBusyProbe,
  ServiceEnv,
  ServiceEnvFrom,
  ServiceLimits,
  ServiceProbe,
  ServiceResources,
  ServiceSource,
  ServiceStorage,
  ServiceTemplate,
} from './generated/types.ts'
import type { Material } from './materials.ts'

/** Ten characters: 28^10 templates, so that two of one service do not meet. */
const HASH_LENGTH = 10

/**
 * Names a template: ten characters that are safe in a unit's name, equal for equal templates whatever the order of their
 * members. Storage counts, because its mounts are part of a unit. Replicas, labels and the update strategy do not, so
 * that changing them replaces nothing. Order in lists counts where it can act: of env, arguments and ports (the first is
 * $PORT). `content`: see `contentForHash`.
 */
export function templateHash(
  template: ServiceTemplate,
  storage?: readonly ServiceStorage[],
  content?: readonly Material[],
  unique?: boolean,
): string {
  const mounts = storage === undefined || storage.length === 0 ? undefined : storage
  // as a unit it stands among those that are ended with the node's lease
  const fenced = unique === true ? true : undefined
  const parts = { template: withEmptyValues(template), storage: mounts, content, unique: fenced }
  return digest(canonicalJson(parts), HASH_LENGTH)
}

/** A variable without a value is an empty one, and was stored as that before a value could come from elsewhere. */
function withEmptyValues(template: ServiceTemplate): ServiceTemplate {
  const { env, programs } = template
  const isWhole = (list: readonly ServiceEnv[] | undefined) =>
    list?.every(({ value, valueFrom }) => value !== undefined || valueFrom !== undefined) ?? true
  if (isWhole(env) && (programs?.every((program) => isWhole(program.env)) ?? true)) return template
  const filled = (list: readonly ServiceEnv[]) =>
    list.map((one) => (isWhole([one]) ? one : { ...one, value: '' }))
  return {
    ...template,
    ...(env && { env: filled(env) }),
    ...(programs && {
      programs: programs.map((program) => (program.env ? { ...program, env: filled(program.env) } : program)),
    }),
  }
}

/** One program of a template. */
export interface ProgramTemplate {
  /** Empty where the template has one program (`source`). */
  readonly name: string
  readonly source: ServiceSource
  /** The template's variables and then the program's own, each name once. */
  readonly env: readonly ServiceEnv[]
  /** The template's and then the program's own. */
  readonly envFrom?: readonly ServiceEnvFrom[]
  readonly resources?: ServiceResources
  readonly limits?: ServiceLimits
  readonly readiness?: ServiceProbe
  readonly liveness?: ServiceProbe
  readonly startup?: ServiceProbe
  readonly busy?: ServiceBusyProbe
}

/** The programs of a template, in order: those of a group, or the one of `source`, whose name is empty. */
export function programsOf(template: ServiceTemplate): readonly ProgramTemplate[] {
  const { source, programs, env = [], envFrom } = template
  if (source === undefined) {
    return (programs ?? []).map((program) => {
      const lists = [...(envFrom ?? []), ...(program.envFrom ?? [])]
      const own = { ...program, env: overlay(env, program.env ?? []) }
      return lists.length === 0 ? own : { ...own, envFrom: lists }
    })
  }
  const { resources, limits, readiness, liveness, startup, busy } = template
  return [
    {
      name: '',
      source,
      env,
      ...(envFrom && { envFrom }),
      ...(resources && { resources }),
      ...(limits && { limits }),
      ...(readiness && { readiness }),
      ...(liveness && { liveness }),
      ...(startup && { startup }),
      ...(busy && { busy }),
    },
  ]
}

function overlay(shared: readonly ServiceEnv[], own: readonly ServiceEnv[]): readonly ServiceEnv[] {
  const named = new Set(own.map((one) => one.name))
  return [...shared.filter((one) => !named.has(one.name)), ...own]
}
