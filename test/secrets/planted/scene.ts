/** A life with planted values: everything that users do with Secrets, and everything that was said and shown meanwhile. */
import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'

export interface Answer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where nsctl runs: on this machine or in a node. */
export interface Stage {
  /** Runs `nsctl` with `words`. */
  nsctl(
    words: readonly string[],
    options?: { readonly stdin?: string; readonly editor?: string },
  ): Promise<Answer>
  /** What the services have written to the folder of their storage. */
  written(service: string): Promise<readonly string[]>
}

const SALT = 'salt of this test'

/** What a program that has `value` can say without telling it. */
export function proofOf(value: string): string {
  return createHmac('sha256', SALT).update(value).digest('hex')
}

/** Different in every use: what is found says which it was. */
export const VALUES = {
  manifest: 'planted-1 by manifest "quoted" wmbz4h9q',
  variable: 'planted-2 variable k8d7tq2x',
  rotated: 'planted-3 rotated vv6p3n8c',
  edited: 'planted-4 edited vv6p3n8c',
  file: 'planted-5 from an env file q7hx4z6m',
  literal: 'planted-6 removed again c3n8w5yd',
  refused: 'planted-7 in a wrong manifest z9t4m6pk',
  reloaded: 'planted-8 reloaded x2v7d5hj',
  config: 'planted-9 json data g4k9q3wn',
} as const

/** All that `nsctl` printed, but for what `reveal` was asked for. */
export class Said {
  readonly texts: { readonly what: string; readonly text: string }[] = []

  add(what: string, ...texts: readonly string[]): void {
    for (const text of texts) this.texts.push({ what, text })
  }
}

const PROVE = `node -e 'const {createHmac} = require("node:crypto"); const {readFileSync, appendFileSync} = require("node:fs");
const prove = (value) => createHmac("sha256", ${JSON.stringify(SALT)}).update(value).digest("hex");
const tell = () => appendFileSync(process.env.STORAGE_OUT + "/said", prove(readFileSync(process.env.CREDENTIALS_DIRECTORY + "/db.password")) + " " + prove(process.env.PLANTED ?? "none") + "\\n");
tell(); process.on("SIGHUP", tell); setInterval(() => {}, 1000)'`

function service(name: string, template: object): object {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: {
      storage: [{ name: 'out', path: '/srv/out' }],
      template: { source: { command: ['/bin/sh', '-c', PROVE], workingDir: '/' }, ...template },
    },
  }
}

const SERVICES = [
  service('restarts', {
    secrets: [{ name: 'db' }],
    env: [{ name: 'PLANTED', valueFrom: { secretKeyRef: { name: 'db', key: 'user' } } }],
  }),
  service('reloads', {
    secrets: [{ name: 'db', items: [{ key: 'password', as: 'db.password' }], onChange: 'reload' }],
  }),
]

const secret = (more: object) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Secret',
  metadata: { name: 'db' },
  ...more,
})

/** Wrong in every way in which a manifest with a value can be; each must be refused without saying the value. */
const REFUSED: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'a value beside stringData', text: JSON.stringify(secret({ password: VALUES.refused })) },
  {
    name: 'a value in spec',
    text: JSON.stringify(secret({ spec: { sealed: { password: VALUES.refused } } })),
  },
  {
    name: 'a value that claims to be sealed',
    text: JSON.stringify(
      secret({ spec: { sealed: { password: { version: 'abcdefghij', age: VALUES.refused } } } }),
    ),
  },
  { name: 'no base64', text: JSON.stringify(secret({ data: { password: VALUES.refused } })) },
  { name: 'a list', text: JSON.stringify(secret({ stringData: [VALUES.refused] })) },
  {
    name: 'a value within a value',
    text: JSON.stringify(secret({ stringData: { password: { value: VALUES.refused } } })),
  },
  {
    name: 'a key that cannot be',
    text: JSON.stringify(secret({ stringData: { 'pass word': VALUES.refused } })),
  },
  {
    name: 'a wrong kind beside it',
    text: `${JSON.stringify(secret({ stringData: { password: VALUES.refused } }))}\n---\n{"kind": "Nothing"}`,
  },
  {
    name: 'broken YAML',
    text: `apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: ${VALUES.refused}\n bad: [`,
  },
  {
    name: 'a tab in YAML',
    text: `apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\nstringData:\n\tpassword: ${VALUES.refused}\n`,
  },
  {
    name: 'a value twice',
    text: `apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: ${VALUES.refused}\n  password: ${VALUES.refused}\n`,
  },
  {
    name: 'an env of a Service that is no text',
    text: JSON.stringify(secret({ kind: 'Secret', stringData: { password: VALUES.refused }, type: 7 })),
  },
]

/** Everything that shows something; run in the middle of it and at the end. */
const LOOKS: readonly (readonly string[])[] = [
  ['get', 'secrets,configs,services,instances,deliveries,recipients,nodes,events,volumes', '-A'],
  ['get', 'secrets,configs,services,instances,deliveries,recipients,nodes,events', '-A', '-o', 'yaml'],
  ['get', 'secrets,services,instances,deliveries', '-o', 'json'],
  ['get', 'secret', 'db', '-o', 'jsonpath={.spec}'],
  ['describe', 'secret', 'db'],
  ['describe', 'service', 'restarts'],
  ['describe', 'service', 'reloads'],
  ['describe', 'instance', 'restarts-0'],
  ['history', 'secret', 'db'],
  ['events'],
  ['logs', 'service/restarts'],
  ['secret', 'recipients'],
  ['store', 'stats'],
  ['store', 'check'],
]

/** @param said gets all that was printed; `crash` kills the daemon and what it runs so that cores would be dumped, and starts it again */
export async function live(stage: Stage, said: Said, crash: () => Promise<void>): Promise<void> {
  const run = async (words: readonly string[], options: Parameters<Stage['nsctl']>[1] = {}, wanted = 0) => {
    const answer = await stage.nsctl(words, options)
    said.add(words.join(' '), answer.stdout, answer.stderr)
    assert.is(answer.code, wanted, `${words.join(' ')}: ${answer.stderr}`)
  }
  const apply = (objects: readonly object[]) =>
    run(['apply', '-f', '-'], { stdin: objects.map((one) => JSON.stringify(one)).join('\n---\n') })
  const proven = (name: string, password: string, variable: string) =>
    eventually(async () => {
      const wanted = `${proofOf(password)} ${proofOf(variable)}`
      assert.is((await stage.written(name)).at(-1), wanted, `${name} has ${password}`)
    })
  const settled = async () => {
    for (const name of ['restarts', 'reloads'])
      await run(['rollout', 'status', 'service', name, '--timeout=60s'])
  }

  const given = {
    stringData: { password: VALUES.manifest, user: VALUES.variable },
    data: { more: Buffer.from(VALUES.config).toString('base64') },
  }
  await apply([secret(given), ...SERVICES])
  await settled()
  await proven('restarts', VALUES.manifest, VALUES.variable)
  await proven('reloads', VALUES.manifest, 'none')
  await apply([secret(given), ...SERVICES])

  await run(
    ['diff', '-f', '-'],
    { stdin: JSON.stringify(secret({ stringData: { password: VALUES.refused } })) },
    1,
  )
  await run(['apply', '--dry-run', '-o', 'yaml', '-f', '-'], {
    stdin: JSON.stringify(secret({ stringData: { password: VALUES.refused } })),
  })
  for (const { name, text } of REFUSED) {
    const answer = await stage.nsctl(['apply', '-f', '-'], { stdin: text })
    said.add(name, answer.stdout, answer.stderr)
    assert.is(answer.code, 2, `${name}: ${answer.stdout}${answer.stderr}`)
    const json = await stage.nsctl(['apply', '-o', 'json', '-f', '-'], { stdin: text })
    said.add(`${name}, as JSON`, json.stdout, json.stderr)
  }

  await run(['secret', 'rotate', 'db', '--from-file', 'password=-'], { stdin: VALUES.rotated })
  await settled()
  await proven('restarts', VALUES.rotated, VALUES.variable)
  await proven('reloads', VALUES.rotated, 'none')
  // in arguments of ours, too: so that neither value is whole there
  await run(['secret', 'edit', 'db'], { editor: `sed -i 's/planted-3 rotated/planted-4 edited/'` })
  await settled()
  await proven('restarts', VALUES.edited, VALUES.variable)
  await crash()
  await settled()
  await run(['secret', 'rotate', 'db', '--from-file', 'password=-'], { stdin: VALUES.reloaded })
  await proven('reloads', VALUES.reloaded, 'none')
  await run(['secret', 'create', 'env', '--from-env-file', '-'], { stdin: `A=${VALUES.file}\n` })
  await run(['secret', 'rekey', '--all'])
  await run(['secret', 'create', 'gone', '--from-file', 'a=-'], { stdin: VALUES.literal })
  await run(['delete', 'secret', 'gone'])
  for (const look of LOOKS) await run(look)
  const revealed = await stage.nsctl(['secret', 'reveal', 'db', 'password'])
  assert.is(revealed.stdout, VALUES.reloaded, revealed.stderr)
  said.add('reveal', revealed.stderr)
  await run(['rollback', 'secret', 'db'])
  await proven('reloads', VALUES.edited, 'none')
}

async function eventually(check: () => Promise<void>): Promise<void> {
  const limit = performance.now() + 30_000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > limit) throw error
      await sleep(50)
    }
  }
}

/** Looks at the arguments of every process of this machine until it is stopped, and at the environment of nsctl's own. */
export class ProcessWatch {
  readonly seen = new Map<string, string>()
  #stopped = false
  readonly #ended: Promise<void>

  /** @param isOurs whose environment must not hold a value: nsctl's, not its programs' */
  constructor(isOurs: (commandLine: string) => boolean) {
    this.#ended = this.#watch(isOurs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#ended
  }

  async #watch(isOurs: (commandLine: string) => boolean): Promise<void> {
    while (!this.#stopped) {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        const line = read(`/proc/${pid}/cmdline`)
        if (line === '') continue
        this.seen.set(`arguments of ${pid}: ${line.slice(0, 80)}`, line)
        if (isOurs(line))
          this.seen.set(`environment of ${pid}: ${line.slice(0, 80)}`, read(`/proc/${pid}/environ`))
      }
      await sleep(10)
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // gone, or another's
    return ''
  }
}
