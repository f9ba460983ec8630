/** Holds a tree of sources to the import table. Pure: what it judges is handed in as paths and texts. */
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { scan } from './scan.ts'
import {
  FORBIDDEN_FOLDERS,
  LOOSE_FILES,
  PURE_BUILTINS,
  ROOMS,
  type Room,
  SIBLINGS,
  type Siblings,
} from './table.ts'

export interface Tree {
  /** Text by path, relative to the root, of everything under src/, bin/ and scripts/. */
  readonly files: ReadonlyMap<string, string>
  /** Other files that are there and might be imported. */
  readonly others: ReadonlySet<string>
  readonly dependencies: ReadonlySet<string>
  readonly devDependencies: ReadonlySet<string>
}

interface Import {
  readonly from: string
  readonly line: number
  readonly kind: 'static' | 'type' | 'dynamic'
  readonly specifier: string
}

const CODE = /\.(ts|mts|cts|js|mjs|cjs)$/

/** Every violation, `path:line: what`, in order of path. */
export function checkTree(tree: Tree): readonly string[] {
  const faults: string[] = []
  const edges = new Map<string, Set<string>>()
  for (const [path, text] of [...tree.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!CODE.test(path)) continue
    faults.push(...checkPath(path))
    const { imports, defaultExports, moduleVariables } = scan(text)
    if (path.startsWith('src/')) {
      for (const line of defaultExports) faults.push(`${path}:${line}: default export`)
      for (const line of moduleVariables) faults.push(`${path}:${line}: variable at module level`)
    }
    for (const { specifier, kind, line } of imports) {
      if (specifier === undefined) {
        if (path.startsWith('src/')) faults.push(`${path}:${line}: imports what an expression names`)
        continue
      }
      const one: Import = { from: path, line, kind, specifier }
      const target = specifier.startsWith('.') ? resolve(tree, one, faults) : undefined
      const fault = target === undefined ? checkPackage(tree, one) : checkFile(one, target)
      if (fault !== undefined) faults.push(`${path}:${line}: ${fault}`)
      // a table of verbs loads a verb that reads the table: loading late is how such a ring is opened
      if (target !== undefined && kind !== 'dynamic')
        edges.set(path, (edges.get(path) ?? new Set()).add(target))
    }
  }
  return [...faults, ...checkCycles(edges)]
}

export function roomOf(path: string): Room | undefined {
  return ROOMS.find((room) =>
    room.paths.some((own) => (own.endsWith('/') ? path.startsWith(own) : path === own)),
  )
}

function checkPath(path: string): readonly string[] {
  const folders = path.split('/').slice(0, -1)
  const bad = folders.filter((folder) => FORBIDDEN_FOLDERS.includes(folder))
  const faults = bad.map((folder) => `${path}:1: a folder named ${folder} says nothing of what is in it`)
  return roomOf(path) === undefined ? [...faults, `${path}:1: belongs to no room of the table`] : faults
}

/** The file that a relative specifier names. Undefined (and a fault) where there is none. */
function resolve(tree: Tree, { from, line, specifier }: Import, faults: string[]): string | undefined {
  const target = posix.join(posix.dirname(from), specifier)
  if (tree.files.has(target) || tree.others.has(target)) return target
  faults.push(`${from}:${line}: ${specifier} is not there`)
  return undefined
}

function checkPackage(tree: Tree, { from, specifier }: Import): string | undefined {
  if (specifier.startsWith('.')) return undefined
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `write node:${specifier}`
    const room = roomOf(from)
    if (room?.pure && !PURE_BUILTINS.includes(specifier))
      return `${room.name} is pure and may not import ${specifier}`
    return undefined
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (tree.dependencies.has(name)) return undefined
  if (from.startsWith('scripts/') && tree.devDependencies.has(name)) return undefined
  return `${name} is not among the dependencies`
}

function checkFile({ from }: Import, target: string): string | undefined {
  const [own, other] = [roomOf(from), roomOf(target)]
  if (own === undefined) return undefined
  if (other === undefined) {
    return LOOSE_FILES[target]?.includes(own.name) ? undefined : `${own.name} may not import ${target}`
  }
  if (own !== other && !own.over.includes(other.name))
    return `${own.name} may not import ${other.name} (${target})`
  return checkSiblings(from, target, own)
}

function checkSiblings(from: string, target: string, own: Room): string | undefined {
  for (const siblings of SIBLINGS) {
    const [mine, theirs] = [entryOf(siblings, from), entryOf(siblings, target)]
    if (theirs === undefined || mine === theirs) continue
    if (mine !== undefined) return `${mine} may not import its sibling ${theirs}`
    if (siblings.concrete && own.name !== 'main') return `only main may import ${theirs}`
  }
  return undefined
}

/** `src/store/sqlite` of `src/store/sqlite/open.ts`. */
function entryOf({ parent, entries }: Siblings, path: string): string | undefined {
  if (!path.startsWith(parent)) return undefined
  const [first = '', ...deeper] = path.slice(parent.length).split('/')
  if (deeper.length === 0 && entries === 'folders') return undefined
  return parent + first.replace(CODE, '')
}

/** One fault per group of files that import each other, with a way around it. */
function checkCycles(edges: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const faults: string[] = []
  const finished = new Set<string>()
  const way: string[] = []
  const visit = (path: string) => {
    if (finished.has(path)) return
    const at = way.indexOf(path)
    if (at >= 0) {
      const ring = startingAtLeast(way.slice(at))
      faults.push(`${ring[0]}:1: imports itself: ${[...ring, ring[0]].join(' → ')}`)
      return
    }
    way.push(path)
    for (const next of edges.get(path) ?? []) visit(next)
    way.pop()
    finished.add(path)
  }
  for (const path of edges.keys()) visit(path)
  return faults
}

/** The same ring, told from its first path in order: so that a fault does not depend on where the search came from. */
function startingAtLeast(ring: readonly string[]): readonly string[] {
  const at = ring.indexOf([...ring].sort()[0] ?? '')
  return [...ring.slice(at), ...ring.slice(0, at)]
}
