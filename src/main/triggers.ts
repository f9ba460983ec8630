/** From a trigger as it is written to a source that can be looked at. */

import { messageOf, NsctlError } from '../core/errors.ts'
import { formatPath } from '../core/json.ts'
import type {
  ScaledJob,
  ScaledObject,
  ScaledObjectAuthenticationRef,
  ServiceTemplate,
} from '../resources/generated/types.ts'
import { triggerSchema } from '../resources/triggers/index.ts'
import { readTrigger } from '../resources/triggers/read.ts'
import type { SourceGuards } from '../scaling/guard.ts'
import type { TriggerConfig } from '../scaling/source.ts'
import type { OpenTrigger } from '../scaling/trigger.ts'

/** Whose trigger it is, and which program's environment it may name. */
export interface TriggerOwner {
  readonly kind: TriggerConfig['owner']['kind']
  readonly namespace: string
  readonly name: string
  readonly service: TriggerConfig['service']
  /** A ScaledJob's own; a Service has its own. */
  readonly template?: ServiceTemplate | undefined
  /** Which program of a group; the first where left out. */
  readonly container: string | undefined
}

export interface TriggerOpenerOptions {
  readonly guards: Pick<SourceGuards, 'open'>
  /** The parameters that a TriggerAuthentication gives. Rejects where one cannot be had. */
  readonly authenticate: (
    ref: ScaledObjectAuthenticationRef,
    owner: TriggerOwner,
    signal: AbortSignal,
  ) => Promise<Readonly<Record<string, string>>>
  /** The values of those variables of the target that are named. */
  readonly environment: (
    names: readonly string[],
    owner: TriggerOwner,
  ) => Promise<Readonly<Record<string, string | undefined>>>
}

const FROM_ENV = 'FromEnv'

/** Opens triggers of ScaledObjects and ScaledJobs. */
export function triggerOpener({ guards, authenticate, environment }: TriggerOpenerOptions): OpenTrigger {
  return async ({ object, key, spec }, signal) => {
    const schema = triggerSchema(spec.type)
    if (schema === undefined)
      throw new NsctlError('Unsupported', `there is no source for triggers of type ${spec.type}`, {
        value: spec.type,
      })
    const owner = ownerOf(object)
    const ref = spec.authenticationRef
    const authentication =
      ref === undefined
        ? {}
        : await authenticate(ref, owner, signal).catch((error) => deny(ref, error, signal))
    const names = Object.entries(spec.metadata).flatMap(([member, value]) =>
      member.endsWith(FROM_ENV) && typeof value === 'string' ? [value] : [],
    )
    const read = readTrigger(schema, {
      metadata: spec.metadata,
      ...(spec.metricType && { metricType: spec.metricType }),
      authentication,
      environment: names.length === 0 ? {} : await environment(names, owner),
      inFormula: isScaledObject(object) && object.spec.advanced?.scalingModifiers?.formula !== undefined,
    })
    const [issue] = read.issues
    if (issue !== undefined)
      throw new NsctlError('Invalid', `${formatPath(issue.path)} ${issue.message}`, {
        value: formatPath(issue.path),
      })
    const { parameters, metadata, metricType } = read
    return await guards.open({
      ...{ type: spec.type, name: spec.name ?? key, parameters, metadata, authentication, metricType },
      owner: { kind: owner.kind, namespace: owner.namespace, name: owner.name },
      service: owner.service,
    })
  }
}

function ownerOf(object: ScaledObject | ScaledJob): TriggerOwner {
  const { namespace = '', name } = object.metadata
  if (!isScaledObject(object)) {
    const { jobTargetRef, envSourceContainerName: container } = object.spec
    const template = jobTargetRef.template as unknown as ServiceTemplate | undefined
    return { kind: 'ScaledJob', namespace, name, service: undefined, template, container }
  }
  const { name: service, envSourceContainerName: container } = object.spec.scaleTargetRef
  return { kind: 'ScaledObject', namespace, name, service: { namespace, name: service }, container }
}

function isScaledObject(object: ScaledObject | ScaledJob): object is ScaledObject {
  return 'scaleTargetRef' in object.spec
}

/** What it logs in with cannot be had, whatever the reason: it is not the outside that is at fault. */
function deny(ref: ScaledObjectAuthenticationRef, error: unknown, signal: AbortSignal): never {
  signal.throwIfAborted()
  const { kind = 'TriggerAuthentication', name } = ref
  throw new NsctlError('Denied', `${kind.toLowerCase()}/${name}: ${messageOf(error)}`, {
    value: name,
    cause: error,
  })
}
