import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { NsctlCommand, usage } from './base.ts'
import * as flags from './flags.ts'
import { namedInstances, preferredInstance } from './instances.ts'

/** A place that a word names: of an instance, or of this machine. */
interface Place {
  readonly instance?: string
  readonly path: string
}

/** `nsctl cp`: files and folders from and to an instance. */
export class Cp extends NsctlCommand {
  static override summary = 'Copy files and folders from and to an instance'
  static override description =
    'Paths are as the program sees them, and are read and written as its user. Needs tar beside the program. What is copied appears under its name whole or not at all; rights and times are kept, owners are not. A file that is there is replaced, a folder that is there is copied into. What an instance sends is written nowhere but there, and links that lead out of it are left out.'
  static override examples = [
    'nsctl cp web-0:/var/lib/web/db.sqlite .',
    'nsctl cp ./public web-0:/srv/public',
    'nsctl cp shop/web-0:/etc/hosts - | grep localhost',
    'nsctl cp - web-0:/tmp/input < input',
  ]
  static override usage = 'cp SOURCE TARGET, one of them INSTANCE:PATH [flags]'
  static override args = {
    place: flags.argument({
      multiple: true,
      description: 'INSTANCE:PATH, NAMESPACE/INSTANCE:PATH or a path here; - is standard input or output.',
    }),
  }
  static override flags = {
    program: Flags.string({
      char: 'c',
      helpValue: 'NAME',
      summary: 'As this program of a group sees it; else the first.',
    }),
  }

  override async run(): Promise<number | undefined> {
    const { flags: given } = await this.parse(Cp)
    const [source, target, ...more] = this.words.map(readPlace)
    if (source === undefined || target === undefined || more.length > 0)
      throw usage('a source and a target are named', 'cp', this.words.join(' '))
    const there = source.instance ?? target.instance
    if (there === undefined || (source.instance !== undefined && target.instance !== undefined))
      throw usage(
        'one of the two is of an instance, INSTANCE:PATH, and the other is here',
        'cp',
        this.words.join(' '),
      )
    const client = await this.client()
    const [name = '', namespace = this.namespace] = there.split('/').reverse()
    const { instances } = await namedInstances(client, [name], namespace, 'cp')
    const instance = preferredInstance(instances)
    if (instance === undefined) throw new NsctlError('NotFound', `${there} has no instance`, { value: there })
    const { signal, cwd } = this.context
    const program = given.program === undefined ? {} : { program: given.program }
    const { copyFrom, copyTo } = await import('../client/copy.ts')
    const copying = { client, instance, ...program, note: (text: string) => this.note(text) }
    if (source.instance !== undefined) {
      const to = target.path === '-' ? undefined : await finalPlace(resolve(cwd, target.path), source.path)
      await copyFrom(copying, source.path, to, signal)
    } else
      await copyTo(copying, source.path === '-' ? undefined : resolve(cwd, source.path), target.path, signal)
    return undefined
  }
}

/** `web-0:/a`; what has a slash before its colon, or begins with a dot, is a path. */
function readPlace(text: string): Place {
  const [, instance, path] = /^((?:[a-z0-9-]+\/)?[a-z0-9][a-z0-9-]*):(.+)$/s.exec(text) ?? []
  return instance === undefined || path === undefined ? { path: text } : { instance, path }
}

/** Into a folder that is there, else under that name. */
async function finalPlace(path: string, source: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() === true ? join(path, basename(source)) : path
}
