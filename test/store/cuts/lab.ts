/** Three servers on hosts of their own, and what the tests of cuts ask of them. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Store } from '../../../src/store/store.ts'
import type { Host, Network } from '../../lab/network.ts'

/** Servers of one engine, one on each host. */
export interface CutCluster {
  /** The host of the one that leads, asked of the servers on `among`; rejects where they know none. */
  leader(among: readonly Host[]): Promise<Host>
  /**
   * One store, by whatever name of its own; its client knows the servers on `hosts` and asks the first of them first. Where it can be
   * told, it does not try for longer than `giveUpMs`.
   */
  open(name: string, hosts: readonly Host[], giveUpMs?: number): Promise<Store>
  stop(): Promise<void>
}

export interface Lab {
  readonly network: Network
  readonly cluster: CutCluster
  readonly hosts: readonly Host[]
  readonly engine: string
}

/** The host of the one that leads, once one does. */
export async function untilLed(cluster: CutCluster, among: readonly Host[]): Promise<Host> {
  return untilAnswered(() => cluster.leader(among))
}

/** The first answer that is none of an outage. */
export async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + 30_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await pause(100)
    }
  }
}
