/** What this process itself uses, under the names that Prometheus' clients have in common. */
import { readdir, readFile } from 'node:fs/promises'
import type { Exposition, Families } from './families.ts'

/** @param version nsctl's */
export function processExposition(version: string): Exposition {
  let openFiles: number | undefined
  let maxFiles: number | undefined
  const startedSeconds = Math.round(Date.now() / 1000 - process.uptime())
  return {
    async prepare() {
      // there is no /proc everywhere
      openFiles = await readdir('/proc/self/fd').then(
        (files) => files.length,
        () => undefined,
      )
      const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
      const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
      maxFiles = limit === undefined ? undefined : Number(limit)
    },
    define(families: Families) {
      const one = (value: number | undefined) => (value === undefined ? [] : [{ labels: {}, value }])
      families.counter('process_cpu_user_seconds_total', 'CPU time spent in this process', () =>
        one(process.cpuUsage().user / 1e6),
      )
      families.counter('process_cpu_system_seconds_total', 'CPU time that the kernel spent for it', () =>
        one(process.cpuUsage().system / 1e6),
      )
      families.counter('process_cpu_seconds_total', 'Both of these', () => {
        const { user, system } = process.cpuUsage()
        return one((user + system) / 1e6)
      })
      families.gauge('process_resident_memory_bytes', 'Memory of this process', () =>
        one(process.memoryUsage.rss()),
      )
      families.gauge('process_start_time_seconds', 'When it started, in seconds since 1970', () =>
        one(startedSeconds),
      )
      families.gauge('process_open_fds', 'Files and sockets that it has open', () => one(openFiles))
      families.gauge('process_max_fds', 'So many it may have open', () => one(maxFiles))
      families.gauge('nodejs_heap_size_used_bytes', 'Heap in use', () => one(process.memoryUsage().heapUsed))
      families.gauge('nodejs_external_memory_bytes', 'Memory outside of the heap that its objects hold', () =>
        one(process.memoryUsage().external),
      )
      families.gauge('nsctl_build_info', '1, with the versions of nsctl and Node.js', () => [
        { labels: { version, node_version: process.versions.node }, value: 1 },
      ])
    },
  }
}
