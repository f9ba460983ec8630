import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkTree, roomOf, type Tree } from './check.ts'
import { scan } from './scan.ts'
import { LOOSE_FILES, ROOMS, renderTable } from './table.ts'

const root = resolve(import.meta.dirname, '../..')

function readTree(): Tree {
  const files = new Map<string, string>()
  for (const folder of ['src', 'bin', 'scripts']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      files.set(path.slice(root.length + 1), readFileSync(path, 'utf8'))
    }
  }
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return {
    files,
    others: new Set(Object.keys(LOOSE_FILES)),
    dependencies: new Set(Object.keys(dependencies)),
    devDependencies: new Set(Object.keys(devDependencies)),
  }
}

test('the sources keep to the import table', () => {
  const tree = readTree()
  assert.ok(tree.files.size > 50, 'the sources were found')
  const faults = checkTree(tree)
  assert.is(faults.length, 0, `\n${faults.join('\n')}\n`)
})

test('docs/architecture.md shows the table', () => {
  const doc = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const shown = /<!-- import table -->\n+([\s\S]*?)\n+<!-- end of import table -->/.exec(doc)?.[1]
  assert.is(shown, renderTable())
})

test('the table has no cycle, and names only rooms that it has', () => {
  const below = new Map(ROOMS.map(({ name, over }) => [name, over]))
  for (const { name, over } of ROOMS) {
    for (const other of over) {
      assert.ok(below.has(other), `${name} is over ${other}, which is no room`)
      assert.not(below.get(other)?.includes(name), `${name} and ${other} are over each other`)
    }
  }
  assert.is(new Set(below.keys()).size, ROOMS.length)
})

for (const [path, room] of [
  ['src/main.ts', 'main'],
  ['src/main/daemon.ts', 'main'],
  ['src/store/sqlite/open.ts', 'store'],
  ['bin/nsctl', 'bin'],
  ['src/maintenance.ts', undefined],
  ['src/corel/x.ts', undefined],
] as const) {
  test(`${path} is in ${room ?? 'no room'}`, () => assert.is(roomOf(path)?.name, room))
}

/** A small tree that is as it should be; each case below plants one fault in it. */
const SOUND: Readonly<Record<string, string>> = {
  'src/core/errors.ts': `import { createHash } from 'node:crypto'\nexport const hash = createHash`,
  'src/resources/object.ts': `import type { X } from '../core/errors.ts'\nexport const b = 1`,
  'src/store/store.ts': `export * from '../core/errors.ts'`,
  'src/store/sqlite/open.ts': `import { x } from '../store.ts'\nimport { y } from './rows.ts'`,
  'src/store/sqlite/rows.ts': `export const y = 1`,
  'src/store/memory/open.ts': `import '../store.ts'`,
  'src/runtimes/systemd/unit.ts': `export const u = 1`,
  'src/scaling/sources/cpu.ts': `export const c = 1`,
  'src/scaling/sources/cron.ts': `export const c = 1`,
  'src/api/api.ts': `import { x } from '../store/store.ts'\nimport type { Options } from 'yaml'`,
  'src/engine/manager.ts': `import type { A } from '../api/api.ts'`,
  'src/controllers/service/controller.ts': `import { m } from '../../engine/manager.ts'`,
  'src/controllers/garbage/controller.ts': `import { m } from '../../engine/manager.ts'`,
  'src/client/client.ts': `import type { A } from '../api/api.ts'`,
  'src/views/table.ts': `import type { C } from '../client/client.ts'`,
  'src/commands/get.ts': `import { main } from '../main.ts'\nimport { t } from '../views/table.ts'`,
  'src/main.ts': `import pkg from '../package.json' with { type: 'json' }
    const store = await import('./store/sqlite/open.ts')
    import { s } from './controllers/service/controller.ts'`,
  'scripts/build.ts': `import { build } from 'esbuild'\nimport { g } from '../src/commands/get.ts'`,
}

function faultsOf(changes: Readonly<Record<string, string>>): readonly string[] {
  return checkTree({
    files: new Map(Object.entries({ ...SOUND, ...changes })),
    others: new Set(['package.json']),
    dependencies: new Set(['yaml', '@oclif/core']),
    devDependencies: new Set(['esbuild']),
  })
}

test('a sound tree has no faults', () => assert.equal(faultsOf({}), []))

interface Planted {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly want: readonly string[]
}

const PLANTED: readonly Planted[] = [
  {
    name: 'an import upwards',
    files: { 'src/core/errors.ts': `\nimport { x } from '../store/store.ts'` },
    want: [
      'src/core/errors.ts:2: core may not import store (src/store/store.ts)',
      'src/core/errors.ts:1: imports itself: src/core/errors.ts → src/store/store.ts → src/core/errors.ts',
    ],
  },
  {
    name: 'an import upwards of types only',
    files: { 'src/store/store.ts': `import type { A } from '../api/api.ts'` },
    want: [
      'src/store/store.ts:1: store may not import api (src/api/api.ts)',
      'src/api/api.ts:1: imports itself: src/api/api.ts → src/store/store.ts → src/api/api.ts',
    ],
  },
  {
    name: 'a dynamic import upwards',
    files: { 'src/views/table.ts': `const m = () => import('../main.ts')` },
    want: ['src/views/table.ts:1: views may not import main (src/main.ts)'],
  },
  {
    name: 'a re-export upwards',
    files: { 'src/client/client.ts': `export { e } from '../engine/manager.ts'` },
    want: ['src/client/client.ts:1: client may not import engine (src/engine/manager.ts)'],
  },
  {
    name: 'a type imported in place upwards',
    files: { 'src/client/client.ts': `let f: (x: import('../engine/manager.ts').M) => void = () => {}` },
    want: [
      'src/client/client.ts:1: variable at module level',
      'src/client/client.ts:1: client may not import engine (src/engine/manager.ts)',
    ],
  },
  {
    name: 'one port that knows another',
    files: {
      'src/store/store.ts': `import { u } from '../runtimes/runtime.ts'`,
      'src/runtimes/runtime.ts': '',
    },
    want: ['src/store/store.ts:1: store may not import runtimes (src/runtimes/runtime.ts)'],
  },
  {
    name: 'siblings among controllers',
    files: { 'src/controllers/garbage/controller.ts': `import { s } from '../service/controller.ts'` },
    want: [
      'src/controllers/garbage/controller.ts:1: src/controllers/garbage may not import its sibling src/controllers/service',
    ],
  },
  {
    name: 'siblings among stores',
    files: { 'src/store/memory/open.ts': `import { s } from '../sqlite/rows.ts'` },
    want: ['src/store/memory/open.ts:1: src/store/memory may not import its sibling src/store/sqlite'],
  },
  {
    name: 'siblings among sources, which are files',
    files: { 'src/scaling/sources/cpu.ts': `import { c } from './cron.ts'` },
    want: [
      'src/scaling/sources/cpu.ts:1: src/scaling/sources/cpu may not import its sibling src/scaling/sources/cron',
    ],
  },
  {
    name: 'a concrete store named by the api',
    files: { 'src/api/api.ts': `const open = () => import("../store/sqlite/open.ts")` },
    want: ['src/api/api.ts:1: only main may import src/store/sqlite'],
  },
  {
    name: 'a concrete store named by its port',
    files: { 'src/store/store.ts': `import { y } from './sqlite/rows.ts'` },
    want: ['src/store/store.ts:1: only main may import src/store/sqlite'],
  },
  {
    name: 'a command that reaches past the client',
    files: { 'src/commands/get.ts': `import { m } from '../engine/manager.ts'` },
    want: ['src/commands/get.ts:1: commands may not import engine (src/engine/manager.ts)'],
  },
  {
    name: 'somebody who imports a command',
    files: { 'src/main.ts': `import { get } from './commands/get.ts'`, 'src/commands/get.ts': '' },
    want: ['src/main.ts:1: main may not import commands (src/commands/get.ts)'],
  },
  {
    name: 'a script imported by the sources',
    files: { 'src/core/errors.ts': `import '../../scripts/build.ts'`, 'scripts/build.ts': '' },
    want: ['src/core/errors.ts:1: core may not import scripts (scripts/build.ts)'],
  },
  {
    name: 'a test imported by the sources',
    files: { 'src/core/errors.ts': `import '../../test/run.ts'` },
    want: ['src/core/errors.ts:1: ../../test/run.ts is not there'],
  },
  {
    name: 'package.json read by a room that has no business with it',
    files: { 'src/api/api.ts': `import p from '../../package.json' with { type: 'json' }` },
    want: ['src/api/api.ts:1: api may not import package.json'],
  },
  {
    name: 'a package that is not a dependency',
    files: { 'src/api/api.ts': `import _ from 'lodash/fp'\nimport { x } from '@acme/y/z'` },
    want: [
      'src/api/api.ts:1: lodash is not among the dependencies',
      'src/api/api.ts:2: @acme/y is not among the dependencies',
    ],
  },
  {
    name: 'a development dependency in the sources',
    files: { 'src/api/api.ts': `import { build } from 'esbuild'` },
    want: ['src/api/api.ts:1: esbuild is not among the dependencies'],
  },
  {
    name: 'a part of a package that is one',
    files: { 'src/commands/get.ts': `import { Flags } from '@oclif/core/flags'` },
    want: [],
  },
  {
    name: 'I/O in a pure room',
    files: { 'src/resources/object.ts': `import { readFileSync } from 'node:fs'` },
    want: ['src/resources/object.ts:1: resources is pure and may not import node:fs'],
  },
  {
    name: 'a module of Node without its prefix',
    files: { 'src/api/api.ts': `import fs from 'fs'` },
    want: ['src/api/api.ts:1: write node:fs'],
  },
  {
    name: 'a ring that is opened by loading late',
    files: {
      'src/api/a.ts': `import { b } from './b.ts'`,
      'src/api/b.ts': `export const b = () => import('./a.ts')`,
    },
    want: [],
  },
  {
    name: 'a long cycle within one room, through types',
    files: {
      'src/api/a.ts': `import './b.ts'`,
      'src/api/b.ts': `export { c } from './c.ts'`,
      'src/api/c.ts': `import type { a } from './a.ts'`,
    },
    want: ['src/api/a.ts:1: imports itself: src/api/a.ts → src/api/b.ts → src/api/c.ts → src/api/a.ts'],
  },
  {
    name: 'a file that is not there',
    files: { 'src/api/api.ts': `import './admission.js'` },
    want: ['src/api/api.ts:1: ./admission.js is not there'],
  },
  {
    name: 'a module named by an expression',
    files: { 'src/main.ts': `const load = (n: string) => import(\`./store/\${n}.ts\`)` },
    want: ['src/main.ts:1: imports what an expression names'],
  },
  {
    name: 'a folder without meaning',
    files: { 'src/api/utils/x.ts': '' },
    want: ['src/api/utils/x.ts:1: a folder named utils says nothing of what is in it'],
  },
  {
    name: 'a file outside of every room',
    files: { 'src/extras/x.ts': '' },
    want: ['src/extras/x.ts:1: belongs to no room of the table'],
  },
  {
    name: 'a default export and a mutable module',
    files: {
      'src/api/x.ts': `let count = 0\nexport default function f() { let fine = 1; return fine + count }`,
    },
    want: ['src/api/x.ts:2: default export', 'src/api/x.ts:1: variable at module level'],
  },
]

for (const { name, files, want } of PLANTED) {
  test(`planted: ${name}`, () => assert.equal(faultsOf(files), want))
}

for (const [source, want] of [
  [`import a from 'x'`, ['static x']],
  [`import { type A, b as c } from "x"`, ['static x']],
  [`import * as a from 'x'; import b, { c } from 'y'`, ['static x', 'static y']],
  [`import type { A } from 'x'`, ['type x']],
  [`import type A from 'x'\nimport type from 'y'`, ['type x', 'static y']],
  [`import {\n  a,\n  b,\n} from 'x'`, ['static x']],
  [`import 'x'`, ['static x']],
  [
    `export * from 'x'; export * as y from 'y'; export { z } from 'z'; export type { T } from 't'`,
    ['static x', 'static y', 'static z', 'type t'],
  ],
  [`export const from = 'x'; export { from }; const y = 'y'`, []],
  [
    `const a = await import('x'); const b = import(\`y\`); import(z)`,
    ['dynamic x', 'dynamic y', 'dynamic ?'],
  ],
  [`import.meta.url; a.import('x'); a.require('y')`, []],
  [`const a = require('x'); require(y)`, ['static x']],
  [`// import a from 'x'\n/* import b from 'y' */ import c from 'z'`, ['static z']],
  [
    `const s = "import a from 'x'"; const t = \`import a from 'y' \${ await import('z') } import 'u'\``,
    ['dynamic z'],
  ],
  [`const t = \`a \${ \`b \${ { c: "}" } } import 'x'\` } d\`\nimport 'y'`, ['static y']],
  [`const quote = /["'\`]/; import 'x'; const d = a / b; import 'y' // c'`, ['static x', 'static y']],
  [`const r = x.replace(/[/'"]/g, '') / 2 / 3\nimport 'y'`, ['static y']],
  [`const it = "it's"; const o = 'say "import"'\nimport 'y'`, ['static y']],
  [`class A { import(x: string) {} }\nconst m = { import: 1, export: 2 }`, ['dynamic ?']],
] as const) {
  test(`scan: ${source.split('\n')[0]}`, () => {
    assert.equal(
      scan(source).imports.map(({ kind, specifier }) => `${kind} ${specifier ?? '?'}`),
      want,
    )
  })
}

test('scan: lines are counted through comments, templates and strings', () => {
  const { imports } = scan("/*\n\n*/ const t = `\n\\`\n`\nimport 'x'\n\nimport 'y'")
  assert.equal(
    imports.map(({ line }) => line),
    [6, 8],
  )
})

test.run()
