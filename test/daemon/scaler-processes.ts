/** A scaler whose demand a test sets, and what processes know of its history. */
import * as assert from 'uvu/assert'
import type { Home } from '../commands/nsctl.ts'
import { type ScriptedServer, startScripted } from '../lab/scripted-http.ts'

export interface KnownDecision {
  readonly at: string
  readonly from: number
  readonly to: number
}

/** Waits in a queue of which an instance takes one; a poll a second. */
export async function startDemand(): Promise<{
  readonly server: ScriptedServer
  set(waiting: number): void
}> {
  let waiting = 0
  const server = await startScripted(() => ({ body: JSON.stringify({ waiting }) }))
  return {
    server,
    set(next) {
      waiting = next
    },
  }
}

export function scaledService(url: string): string {
  return `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec: {replicas: 1, template: {source: {command: [sleep, '1000']}}}
---
apiVersion: nsctl.dev/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  pollingInterval: 1
  minReplicaCount: 1
  maxReplicaCount: 1000
  advanced:
    horizontalPodAutoscalerConfig:
      behavior: {scaleUp: {policies: [{type: Pods, value: 1000, periodSeconds: 1}]}}
  triggers:
    - {type: metrics-api, name: queue, metadata: {url: '${url}', valueLocation: waiting, targetValue: '1'}}
`
}

/** What `home` knows of, newest first. */
export async function decisionsOf(
  home: Home,
  store: readonly string[] = [],
): Promise<readonly KnownDecision[]> {
  const ran = await home.run(['scaler', 'history', 'web', '--limit', '1000', '-o', 'json', ...store])
  assert.is(ran.code, 0, ran.stderr)
  return JSON.parse(ran.stdout).items
}
