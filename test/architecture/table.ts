/**
 * Who may import whom. The one place that says it: imports.test.ts holds the sources to it, docs/architecture.md shows it.
 */

export interface Room {
  readonly name: string
  /** Paths that belong to it: folders end in a slash. */
  readonly paths: readonly string[]
  readonly what: string
  /** Rooms that it may import from, besides itself. */
  readonly over: readonly string[]
  /** Touches neither files nor sockets nor processes: of Node it may import only what computes. */
  readonly pure?: boolean
}

const GROUND = ['core', 'resources', 'transport'] as const

/** Each a port and what implements it; none knows another. */
const PORTS = [
  'store',
  'scaling',
  'placement',
  'runtimes',
  'nodes',
  'traffic',
  'secrets',
  'join',
  'listener',
  'git',
  'sandbox',
  'nix',
  'telemetry',
] as const

const BELOW_API = [...GROUND, ...PORTS] as const
const BELOW_CONTROLLERS = [...BELOW_API, 'api', 'engine'] as const
const BELOW_CLIENT = [...BELOW_API, 'api'] as const
const BELOW_MAIN = [...BELOW_CONTROLLERS, 'controllers', 'agent', 'client', 'views', 'server'] as const

export const ROOMS: readonly Room[] = [
  room('core', 'errors, ids, clock, quantities, JSON, the logger port', [], { pure: true }),
  room('resources', 'kinds: types, validation, printing', ['core'], { pure: true }),
  room('transport', 'run a command, move a file, open a stream on a machine', ['core']),
  room('store', 'the store port, leases, and its adapters', GROUND),
  room('scaling', 'the scaling algorithm, its sources and predictors', GROUND),
  room('placement', 'which node runs which instance', GROUND, { pure: true }),
  room('runtimes', 'the runtime port and its adapters', GROUND),
  room('nodes', 'providers of machines, bootstrap', GROUND),
  room('traffic', 'what leads requests to instances', GROUND),
  room('secrets', 'sealing and opening', GROUND),
  room('join', 'tokens and certificates of nodes', GROUND),
  room('listener', 'what an agent answers on other machines, and who asks it', GROUND),
  room('git', 'repositories', GROUND),
  room('sandbox', 'content-addressed steps', GROUND),
  room('nix', 'flakes, modules, closures', GROUND),
  room('telemetry', 'exporter, history, logs', GROUND),
  room('api', 'the one way in: admission, merge, revisions, events', BELOW_API),
  room('engine', 'manager, controllers, queues, informers, election', [...BELOW_API, 'api']),
  room('controllers', 'one folder per kind: read → plan → apply → status', BELOW_CONTROLLERS),
  room('agent', 'what runs on each node', BELOW_CONTROLLERS),
  room('client', 'what commands and views talk to', BELOW_CLIENT),
  room('views', 'tables, describe, diff, the screen', [...BELOW_CLIENT, 'client']),
  room('server', 'the api over HTTP', [...BELOW_CLIENT, 'client']),
  room('main', 'the composition root', BELOW_MAIN, { paths: ['src/main.ts', 'src/main/'] }),
  room('commands', 'one per verb: parse, call the client, print', [
    ...BELOW_CLIENT,
    'client',
    'views',
    'main',
  ]),
  room('bin', 'the executable', ['commands', 'main'], { paths: ['bin/'] }),
  room('scripts', 'build, generate, start', [...BELOW_MAIN, 'main', 'commands'], { paths: ['scripts/'] }),
]

/** Folders whose entries are adapters or plugins of one port, and do not know each other. */
export const SIBLINGS: readonly Siblings[] = [
  { parent: 'src/controllers/', entries: 'folders', concrete: false },
  { parent: 'src/store/', entries: 'folders', concrete: true },
  { parent: 'src/runtimes/', entries: 'folders', concrete: true },
  { parent: 'src/transport/', entries: 'folders', concrete: true },
  { parent: 'src/traffic/', entries: 'folders', concrete: true },
  { parent: 'src/scaling/sources/', entries: 'all', concrete: true },
  { parent: 'src/scaling/predictors/', entries: 'all', concrete: true },
  { parent: 'src/nodes/providers/', entries: 'all', concrete: true },
]

export interface Siblings {
  readonly parent: string
  /** `folders`: files directly in `parent` are the port. `all`: each file is an entry too. */
  readonly entries: 'folders' | 'all'
  /** Only the composition root names them. */
  readonly concrete: boolean
}

/** Names that say nothing of what is inside. */
export const FORBIDDEN_FOLDERS: readonly string[] = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'shared',
  'lib',
  'misc',
]

/** What of Node computes and nothing else. */
export const PURE_BUILTINS: readonly string[] = ['node:crypto', 'node:util', 'node:buffer']

/** Files outside the rooms that may be imported, and by which rooms. */
export const LOOSE_FILES: Readonly<Record<string, readonly string[]>> = {
  'package.json': ['main', 'commands', 'scripts'],
}

function room(
  name: string,
  what: string,
  over: readonly string[],
  more: { readonly paths?: readonly string[]; readonly pure?: boolean } = {},
): Room {
  return { name, what, over, paths: more.paths ?? [`src/${name}/`], ...(more.pure && { pure: true }) }
}

/** The table as docs/architecture.md shows it. */
export function renderTable(rooms: readonly Room[] = ROOMS): string {
  const rows = rooms.map(({ name, what, over, pure }) => {
    return `| ${name} | ${what}${pure ? ' (pure)' : ''} | ${over.length === 0 ? '–' : shorten(over)} |`
  })
  return ['| room | what it is | may import |', '| --- | --- | --- |', ...rows].join('\n')
}

/** Names the whole row of ports as such: it is the same everywhere. */
function shorten(over: readonly string[]): string {
  const all = PORTS.every((port) => over.includes(port))
  const rest = over.filter((name) => !all || !(PORTS as readonly string[]).includes(name))
  if (!all) return rest.join(', ')
  const ground = rest.filter((name) => (GROUND as readonly string[]).includes(name))
  const above = rest.filter((name) => !(GROUND as readonly string[]).includes(name))
  return [...ground, '*every port*', ...above].join(', ')
}
