/** The parts of the build that change text. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gettersOf } from '../../scripts/build/lazy-builtins.ts'
import { makeLazy } from '../../scripts/build/lazy-requires.ts'
import { RECORDER, recordLoads } from '../../scripts/build/record-loads.ts'
import { sourceStamp } from '../../scripts/prepare/stamp.mjs'

/** Runs CommonJS text with a `require` that notes what it is asked for. */
function evaluate(source: string, modules: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  const exports: Record<string, unknown> = {}
  const require = (path: string) => {
    asked.push(path)
    return modules[path]
  }
  new Function('exports', 'require', source)(exports, require)
  return { asked, exports }
}

const COMPILED = `
var __importDefault = (this && this.__importDefault) || function (mod) { return (mod && mod.__esModule) ? mod : { "default": mod }; };
Object.defineProperty(exports, "__esModule", { value: true });
const a_1 = require("./a");
const b_1 = __importDefault(require("./b"));
var a_2 = require("./a");
class Sub { make() { return new a_1.Thing(1); } call() { return (0, a_1.twice)(b_1.default); } }
exports.Sub = Sub;
Object.defineProperty(exports, "twice", { get: () => a_2.twice });
`

const MODULES = {
  './a': {
    Thing: class {
      readonly n: number
      constructor(n: number) {
        this.n = n
      }
    },
    twice: (n: number) => n * 2,
  },
  './b': 21,
}

test('makeLazy asks for a module at its first use and means the same', () => {
  const { asked, exports } = evaluate(makeLazy(COMPILED), MODULES)
  assert.equal(asked, [])
  const sub = new (exports.Sub as new () => { make(): { n: number }; call(): number })()
  assert.is(sub.make().n, 1)
  assert.equal(asked, ['./a'])
  assert.is(sub.call(), 42)
  assert.is((exports.twice as (n: number) => number)(2), 4)
})

test('without makeLazy the same text asks at once', () => {
  assert.equal(evaluate(COMPILED, MODULES).asked, ['./a', './b', './a'])
})

test('makeLazy leaves alone what requires nothing', () => {
  assert.is(makeLazy('exports.a = 1;\n'), 'exports.a = 1;\n')
})

test('recordLoads reports each wrapped module once', () => {
  const bundle = `${RECORDER}var __getOwnPropNames=Object.getOwnPropertyNames;
var __esm=(fn,res)=>()=>(fn&&(res=(0,fn[__getOwnPropNames(fn)[0]])(fn=0)),res);
var __commonJS=(cb,mod)=>()=>(mod||(0,cb[__getOwnPropNames(cb)[0]])((mod={exports:{}}).exports,mod),mod.exports);
const one=__esm({"src/one.ts"(){}}),two=__commonJS({"two.js"(exports){exports.x=2}});
one();one();two();return two().x`
  const globals = globalThis as { __nsctlLoaded?: (name: string) => string }
  const loaded: string[] = []
  globals.__nsctlLoaded = (name) => {
    loaded.push(name)
    return name
  }
  try {
    assert.is(new Function(recordLoads(bundle))(), 2)
  } finally {
    delete globals.__nsctlLoaded
  }
  assert.equal(loaded, ['src/one.ts', 'two.js'])
  assert.is(new Function(recordLoads(bundle))(), 2)
})

test('recordLoads notices an esbuild that wraps in another way', () => {
  assert.throws(() => recordLoads('var __esm=()=>{}'), /0 wrappers of modules/)
})

test('gettersOf has every name of the module and loads it when one is used', () => {
  const { exports } = evaluate(gettersOf('node:crypto'), {})
  assert.is((exports.createHash as typeof import('node:crypto').createHash)('sha1').digest('hex').length, 40)
  assert.equal(Object.keys(exports).sort(), Object.keys(process.getBuiltinModule('node:crypto')).sort())
})

test('sourceStamp moves with the name, size and time of any source', () => {
  const root = mkdtempSync(join(tmpdir(), 'nsctl-stamp-'))
  try {
    mkdirSync(join(root, 'src/a'), { recursive: true })
    mkdirSync(join(root, 'scripts/build'), { recursive: true })
    for (const file of ['src/a/x.ts', 'scripts/build.ts', 'package.json', 'package-lock.json'])
      writeFileSync(join(root, file), 'x')
    const first = sourceStamp(root)
    assert.is(sourceStamp(root), first)
    writeFileSync(join(root, 'README.md'), 'not a source')
    assert.is(sourceStamp(root), first)
    utimesSync(join(root, 'src/a/x.ts'), 1, 1)
    const touched = sourceStamp(root)
    assert.is.not(touched, first)
    writeFileSync(join(root, 'src/b.ts'), '')
    assert.is.not(sourceStamp(root), touched)
  } finally {
    rmSync(root, { recursive: true })
  }
})

test.run()
