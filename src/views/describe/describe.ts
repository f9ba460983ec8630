/** The page that `nsctl describe` prints for one object. */
import { describeConfig } from './config.ts'
import type { Description } from './description.ts'
import { describeEvent } from './event.ts'
import { describeGeneric } from './generic.ts'
import { describeInstance } from './instance.ts'
import { describeJob } from './job.ts'
import { describeNode } from './node.ts'
import { describeScaler } from './scaler.ts'
import { describeSecret } from './secret.ts'
import { describeService } from './service.ts'
import { describeTriggerAuthentication } from './triggerauthentication.ts'

const PAGES: Readonly<Record<string, (description: Description) => string>> = {
  Service: describeService,
  Instance: describeInstance,
  Node: describeNode,
  Event: describeEvent,
  Config: describeConfig,
  Secret: describeSecret,
  ScaledObject: describeScaler,
  ScaledJob: describeScaler,
  Job: describeJob,
  TriggerAuthentication: describeTriggerAuthentication,
  ClusterTriggerAuthentication: describeTriggerAuthentication,
}

/** The page for an object, last line ended. Loads the YAML library only for kinds without a page of their own. */
export async function describeObject(description: Description): Promise<string> {
  const page = description.kind.group === 'nsctl.dev' ? PAGES[description.kind.kind] : undefined
  if (page !== undefined) return page(description)
  const { stringify } = await import('yaml')
  return describeGeneric(description, (value) => stringify(value, { lineWidth: 0 }))
}
