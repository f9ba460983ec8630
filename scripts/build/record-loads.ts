/** Lets a bundle say which of its modules were loaded: esbuild wraps each that is loaded late, under its path as a name. */

/** Defines what the changed wrappers call; stands at the head of the bundle. */
export const RECORDER = 'const __nsctlNote=globalThis.__nsctlLoaded??(name=>name);'

/**
 * Reports the name of each module to `globalThis.__nsctlLoaded` (set by the loader under NSCTL_DEBUG_LOADED) at its first
 * run. Throws where esbuild's two wrappers look different, so that a new version of it is noticed.
 */
export function recordLoads(bundle: string): string {
  let wrappers = 0
  const text = bundle.replace(/__getOwnPropNames\((\w+)\)\[0\]/g, (name) => {
    wrappers++
    return `__nsctlNote(${name})`
  })
  if (wrappers !== 2)
    throw new Error(`esbuild's output has ${wrappers} wrappers of modules, expected __esm and __commonJS`)
  return text
}
