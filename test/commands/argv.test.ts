import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type FlagShapes, normalizeArgv, splitVerb, wantsJson } from '../../src/commands/argv.ts'

const verbs = new Set(['get', 'create', 'create namespace', 'rollout status', 'exec'])
const globals: FlagShapes = {
  namespace: { type: 'option', char: 'n' },
  'no-color': { type: 'boolean' },
}

for (const c of [
  { line: 'get svc', verb: 'get', first: 'get', rest: ['svc'] },
  { line: '-n shop get svc', verb: 'get', first: 'get', rest: ['-n', 'shop', 'svc'] },
  { line: '--namespace=shop get svc', verb: 'get', first: 'get', rest: ['--namespace=shop', 'svc'] },
  { line: '--namespace get get', verb: 'get', first: 'get', rest: ['--namespace', 'get'] },
  { line: '--no-color get', verb: 'get', first: 'get', rest: ['--no-color'] },
  { line: 'create namespace shop', verb: 'create namespace', first: 'create', rest: ['shop'] },
  { line: 'create -f x', verb: 'create', first: 'create', rest: ['-f', 'x'] },
  { line: 'rollout status web', verb: 'rollout status', first: 'rollout', rest: ['web'] },
  { line: 'rollout nope', verb: undefined, first: 'rollout', rest: ['nope'] },
  { line: 'nope', verb: undefined, first: 'nope', rest: [] },
  { line: '', verb: undefined, first: undefined, rest: [] },
  { line: '-n', verb: undefined, first: undefined, rest: ['-n'] },
])
  test(`splitVerb ${JSON.stringify(c.line)}`, () => {
    const { line, ...want } = c
    assert.equal(splitVerb(line.split(' ').filter(Boolean), verbs, globals), want)
  })

const flags: FlagShapes = {
  wait: { type: 'boolean', allowNo: true },
  watch: { type: 'boolean', char: 'w' },
  'dry-run': { type: 'option', bare: 'client' },
  filename: { type: 'option', char: 'f' },
}

for (const c of [
  { line: '--wait=false', want: ['--no-wait'] },
  { line: '--wait=true', want: ['--wait'] },
  { line: '--watch=false', want: [] },
  { line: '--watch=maybe', want: ['--watch=maybe'] },
  { line: '--dry-run x', want: ['--dry-run=client', 'x'] },
  { line: '--dry-run=server', want: ['--dry-run=server'] },
  { line: '-f --dry-run', want: ['-f', '--dry-run'] },
  { line: '--filename --dry-run', want: ['--filename', '--dry-run'] },
  { line: '--filename=a --dry-run', want: ['--filename=a', '--dry-run=client'] },
  { line: '-- --dry-run --wait=false', want: ['--', '--dry-run', '--wait=false'] },
  { line: '--unknown=false', want: ['--unknown=false'] },
])
  test(`normalizeArgv ${c.line}`, () => {
    assert.equal(normalizeArgv(c.line.split(' '), flags), c.want)
  })

for (const [line, want] of [
  ['get svc -o json', true],
  ['get svc -ojson', true],
  ['get svc -o=json', true],
  ['get svc --output json', true],
  ['get svc --output=json --nope', true],
  ['get svc -o yaml', false],
  ['get svc -o jsonpath=x', false],
  ['exec web -- x -o json', false],
] as const)
  test(`wantsJson ${line}`, () => {
    assert.is(wantsJson(line.split(' ')), want)
  })

test.run()
