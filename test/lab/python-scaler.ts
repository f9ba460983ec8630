/** The external scaler of scaler.py: Debian's Python with Debian's gRPC. */
import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  canFetchDebs,
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface PythonScaler {
  readonly address: string
  readonly process: ServerProcess
  set(value: number): void
  stop(): Promise<void>
}

const PYTHON = '/usr/bin/python3'
const MODULES = ['python3-grpcio', 'python3-protobuf', 'python3-six']
const LIBRARIES = ['libprotobuf32', 'libprotoc32', 'libgrpc29', 'libabsl20220623', 'libc-ares2', 'libre2-9']

/** True where the Python is the one that Debian 12's modules are for. */
export function canRunPythonScaler(): boolean {
  if (!canFetchDebs() || !existsSync(PYTHON)) return false
  return execFileSync(PYTHON, ['--version'], { encoding: 'utf8' }).startsWith('Python 3.11.')
}

export async function startPythonScaler(): Promise<PythonScaler> {
  const folders = async (packages: readonly string[], below: string) => {
    const found: string[] = []
    for (const name of packages) found.push(join(await extractDeb('bookworm', name), below))
    return found
  }
  const directory = serverDirectory('python-scaler')
  const modules = [...(await folders(MODULES, 'usr/lib/python3/dist-packages')), directory.path]
  const libraries = await folders(LIBRARIES, 'usr/lib/x86_64-linux-gnu')
  const env = ['env', `LD_LIBRARY_PATH=${libraries.join(':')}`, `PYTHONPATH=${modules.join(':')}`]
  const [protoc = ''] = await folders(['protobuf-compiler'], 'usr/bin/protoc')
  const generate = [
    protoc,
    `-I${import.meta.dirname}`,
    `--python_out=${directory.path}`,
    'externalscaler.proto',
  ]
  execFileSync('env', [...env.slice(1), ...generate], { stdio: 'pipe' })
  const [port] = (await freePorts(1)) as readonly [number]
  const file = join(directory.path, 'number')
  const set = (value: number) => {
    writeFileSync(`${file}.new`, String(value))
    renameSync(`${file}.new`, file)
  }
  set(0)
  const command = [...env, PYTHON, join(import.meta.dirname, 'scaler.py'), String(port), file]
  const server = startServer(command, join(directory.path, 'log'))
  await untilReady(server, async () => server.log().includes('ready'))
  return {
    address: `127.0.0.1:${port}`,
    process: server,
    set,
    async stop() {
      await server.kill()
      directory.remove()
    },
  }
}
