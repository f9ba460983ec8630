/** Runs the real bin/nsctl against a home of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { sourceStamp } from '../../scripts/prepare/stamp.mjs'

export const root = resolve(import.meta.dirname, '../..')
const nsctl = join(root, 'bin/nsctl')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

export interface Home {
  /** The folder that commands run in; $NSCTL_HOME is `state` beneath it, and is not there yet. */
  readonly folder: string
  readonly state: string
  run(args: readonly string[], options?: RunOptions): Promise<Finished>
  /** Writes a file beneath the folder and returns its path from there. */
  write(path: string, text: string | Uint8Array): string
  remove(): void
}

/** Builds dist/ where it is older than the sources: these tests are about what people run. */
function buildIfStale(): void {
  const built = spawnSync('cat', [join(root, 'dist/stamp')], { encoding: 'utf8' }).stdout
  if (built === sourceStamp(root)) return
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`dist/ is stale and cannot be built:\n${stderr}`)
}

export function createHome(): Home {
  buildIfStale()
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-commands-'))
  const state = join(folder, 'state')
  return {
    folder,
    state,
    run: (args, options = {}) => run(args, { cwd: folder, state, ...options }),
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
      return path
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function run(
  args: readonly string[],
  options: RunOptions & { readonly cwd: string; readonly state: string },
): Promise<Finished> {
  const { cwd, state, stdin, env } = options
  return new Promise((settle, reject) => {
    const child = spawn(nsctl, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, USER: 'ada', LANG: 'C.UTF-8', NSCTL_HOME: state, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const [out, err]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', (data: Buffer) => out.push(data))
    child.stderr.on('data', (data: Buffer) => err.push(data))
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    child.on('error', reject)
    child.on('close', (code) =>
      settle({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
  })
}

/** A Service as small as one can be. */
export function service(name: string, more = ''): string {
  return `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  replicas: 2
  template:
    source: {command: [node, server.js]}
${more}`
}

/** What changes from run to run, made equal: ages, dates, uids, versions. */
export function stable(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>')
    .replaceAll(/\b\d+s( ago)?$/gm, '<age>$1')
}

/** A file beside the test. */
export function fixture(path: string): string {
  return readFileSync(join(import.meta.dirname, path), 'utf8')
}
