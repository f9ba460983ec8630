/** A kind in two versions, as people work with it. */
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Finished, root } from './nsctl.ts'

const home = createHome()
const ALPHA = 'crawlers.v1alpha1.example.org'

function nsctl(words: string, stdin?: string): Promise<Finished> {
  return home.run(words.split(' '), stdin === undefined ? {} : { stdin })
}

async function done(words: string, stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await nsctl(words, stdin)
  assert.is(code, 0, `nsctl ${words}\n${stdout}${stderr}`)
  return stdout
}

async function specOf(what: string): Promise<Record<string, unknown>> {
  return JSON.parse(await done(`get ${what} -o json`)).spec
}

test.before(() => {
  cpSync(join(root, 'examples/versions'), join(home.folder, 'versions'), { recursive: true })
})
test.after(() => home.remove())

test('apply: a deprecated version is said once; the same again is unchanged', async () => {
  const { code, stdout, stderr } = await nsctl('apply -f versions')
  assert.is(code, 0, stderr)
  assert.match(stdout, 'crawler.example.org/old created')
  assert.is(stderr.match(/warning: example.org\/v1alpha1 Crawler is deprecated; write v1/g)?.length, 1)
  assert.match(await done('apply -f versions'), '0 created, 0 changed, 3 unchanged')
  const renamed = readFileSync(join(home.folder, 'versions/crawlers.yaml'), 'utf8').replace(
    'name: new',
    'name: old',
  )
  home.write('as-v1.yaml', renamed.slice(renamed.indexOf('---')))
  assert.match(await done('apply -f as-v1.yaml'), 'crawler.example.org/old unchanged')
  assert.match(await done('apply -f versions/crawlers.yaml'), '2 unchanged')
})

test('get: each version has its columns and its fields', async () => {
  assert.match(await done('get crawlers'), /NAME +REPLICAS +HOSTS +AGE\nnew +2 +example.org/)
  assert.match(await done(`get ${ALPHA}`), /NAME +SIZE +HOST\nnew +2 +example.org\nold +2 +example.org/)
  assert.equal(await specOf('crawler/old'), await specOf('crawler/new'))
  assert.equal(await specOf(`${ALPHA}/new`), {
    size: 2,
    mode: 'fast',
    host: 'example.org',
    rules: [{ regex: '^/docs' }],
  })
  const yaml = await done(`get ${ALPHA} old -o yaml`)
  assert.match(yaml, 'apiVersion: example.org/v1alpha1')
  assert.match(await done('apply -f -', yaml), 'crawler.example.org/old unchanged')
})

test('diff, scale, patch, edit and history in a version', async () => {
  const changed = readFileSync(join(home.folder, 'versions/crawlers.yaml'), 'utf8').replace(
    'size: 2',
    'size: 5',
  )
  const { code, stdout } = await nsctl('diff -f -', changed)
  assert.is(code, 1)
  assert.match(stdout, /- {2}size: 2\n\+ {2}size: 5/)
  await done(`scale ${ALPHA}/old --replicas 3`)
  assert.equal((await specOf('crawler/old')).scaling, { replicas: 3 })
  await done('scale crawler/old --replicas 4')
  assert.is((await specOf(`${ALPHA}/old`)).size, 4)
  const { code: patched, stderr } = await home.run([
    'patch',
    `${ALPHA}/old`,
    '-p',
    '{"spec":{"colour":"red"}}',
  ])
  assert.is(patched, 0, stderr)
  assert.is((await specOf('crawler/old')).colour, undefined)
  const edited = await home.run(['edit', `${ALPHA}/old`], {
    env: { EDITOR: "sed -i 's/mode: fast/mode: slow/'" },
  })
  assert.is(edited.code, 0, edited.stderr)
  assert.is((await specOf('crawler/old')).mode, 'Lazy')
  assert.is((await specOf(`${ALPHA}/old`)).colour, 'red', 'what v1 cannot say has survived')
  assert.match(await done(`history ${ALPHA}/old`), 'mode fast → slow')
  await done('rollback crawler/old --to-revision 1')
  assert.equal(await specOf(`${ALPHA}/old`), { ...(await specOf(`${ALPHA}/new`)), size: 4 })
  assert.match(await done(`describe ${ALPHA}/old`), 'host: example.org')
  assert.match(await done(`wait --for=jsonpath={.spec.size}=4 ${ALPHA}/old --timeout=5s`), 'old')
})

test('explain and api-resources tell the versions', async () => {
  assert.match(await done('explain crawler.spec'), 'scaling')
  const old = await done('explain crawler.spec --api-version example.org/v1alpha1')
  assert.match(old, /VERSION: +example.org\/v1alpha1/)
  assert.match(old, 'size')
  assert.match(await done(`explain ${ALPHA}.spec.colour`), 'Only v1alpha1 has this')
  const unknown = await nsctl('explain crawler --api-version example.org/v7')
  assert.is(unknown.code, 1)
  assert.match(unknown.stderr, 'it is in example.org/v1, example.org/v1alpha1')
  assert.match(await done('api-resources'), /crawlers +example.org\/v1 +true +Crawler/)
  assert.match(await done('api-resources -o wide'), /Crawler +v1,v1alpha1 \(deprecated\)/)
})

test('a version that is not served, and one that cannot go', async () => {
  const text = readFileSync(join(home.folder, 'versions/definition.yaml'), 'utf8')
  const at = text.indexOf('    - name: v1alpha1')
  const unserved = text.slice(0, at) + text.slice(at).replace('served: true', 'served: false')
  await done('apply -f -', unserved)
  const got = await nsctl(`get ${ALPHA}`)
  assert.is(got.code, 2)
  assert.match(got.stderr, 'crawlers.example.org is not served in version v1alpha1')
  assert.match(got.stderr, 'it is served as crawlers.v1.example.org')
  const applied = await nsctl('apply -f versions/crawlers.yaml')
  assert.is(applied.code, 2)
  assert.match(applied.stderr, /"example.org\/v1alpha1 Crawler" is not served any more/)
  assert.match(applied.stderr, 'served: "example.org/v1"')
  const swapped = text
    .slice(0, at)
    .replace('- name: v1\n', '- name: v2\n')
    .replace(/ {2}conversion:[\s\S]*? {2}versions:\n {4}- name/, '  versions:\n    - name')
  const refused = await nsctl('apply -f -', swapped)
  assert.is(refused.code, 2, refused.stdout)
  assert.match(refused.stderr, 'v1 cannot be removed while something is stored in it: 2 objects')
  assert.match(refused.stderr, 'nsctl store upgrade')
})

test('store upgrade writes everything in the stored version, so that the other can go', async () => {
  const text = readFileSync(join(home.folder, 'versions/definition.yaml'), 'utf8')
  const v2 = text
    .replace('- name: v1\n', '- name: v2\n')
    .replace('storage: true', 'storage: true # v2')
    .replaceAll('Crawler is deprecated; write v1', 'Crawler is deprecated; write v2')
  const between = `${v2}${text.slice(text.indexOf('    - name: v1\n'), text.indexOf('    - name: v1alpha1')).replace('storage: true', 'storage: false')}`
  await done('apply -f -', between)
  assert.match(
    await done('store upgrade --dry-run'),
    /crawlers.example.org: 2 objects, \d+ revisions, \d+ applied manifests? would be written in v2, not v1 any more/,
  )
  assert.is((await nsctl('apply -f -', v2)).code, 2, 'a dry run writes nothing')
  const before = await specOf(`${ALPHA}/old`)
  assert.match(
    await done('store upgrade'),
    /crawlers.example.org: 2 objects.* were written in v2, not v1 any more/,
  )
  assert.match(await done('apply -f -', v2), 'configured')
  assert.equal(await specOf(`${ALPHA}/old`), before)
  assert.match(await done('get crawlers.v2.example.org'), /new +2/)
  await done('store check')
})

test('a definition whose rules cannot work is refused where they stand', async () => {
  const text = readFileSync(join(home.folder, 'versions/definition.yaml'), 'utf8')
  home.write('wrong.yaml', text.replace('.spec.scaling.replicas}', '.spec.scaling.replica}'))
  const { code, stderr } = await nsctl('apply -f wrong.yaml')
  assert.is(code, 2)
  assert.match(
    stderr,
    'wrong.yaml:15:42: spec.conversion.versions[0].rules[0].move.to: v1 has no .spec.scaling.replica',
  )
  assert.match(stderr, 'did you mean ".spec.scaling.replicas"?')
})

test.run()
