/** How processes that run until they are stopped learn of it. */

/** Service managers end a daemon with SIGTERM, closed terminals with SIGHUP. */
export function stopSignal(interrupt: AbortSignal): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort())
  return AbortSignal.any([interrupt, stop.signal])
}
