/** Stores in a Consul that the whole file shares: each under a prefix of its own. */
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { type ConsulStoreOptions, openConsulStore } from '../../../src/store/consul/store.ts'
import type { Store } from '../../../src/store/store.ts'

/** `consul://127.0.0.2:20850/test/x7k2`, of nobody else. */
export function freshUrl(address: string): string {
  return `consul://${address}/test/${randomIds.suffix(8)}`
}

export function openAt(url: string, options: Partial<ConsulStoreOptions> = {}): Promise<Store> {
  return openConsulStore({ url, clock: systemClock, ...options })
}
