import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { NsctlCommand, usage } from './base.ts'
import * as flags from './flags.ts'
import { namedInstances, preferredInstance } from './instances.ts'

/** `nsctl exec`: a command beside a program, with its user, directory and environment. */
export class Exec extends NsctlCommand {
  static override summary = 'Run a command beside a program, as it sees the machine'
  static override examples = [
    'nsctl exec web-0 -- env',
    'nsctl exec -it web-0 -- sh',
    'nsctl exec service/web -c worker -- ls -l',
  ]
  static override args = {
    instance: flags.argument({
      multiple: true,
      description: 'An instance (web-0), or TYPE/NAME; behind -- the command.',
    }),
  }
  static override flags = {
    stdin: Flags.boolean({ char: 'i', summary: 'Pass standard input on.' }),
    tty: Flags.boolean({ char: 't', summary: 'Standard input is a terminal.' }),
    program: Flags.string({
      char: 'c',
      helpValue: 'NAME',
      summary: 'Beside this program of a group; else the first.',
    }),
  }

  override async run(): Promise<number> {
    const at = this.argv.indexOf('--')
    if (at === -1) throw usage('-- is missing: what stands behind it is run', 'exec')
    const command = this.argv.slice(at + 1)
    const { flags } = await this.parse(Exec, this.argv.slice(0, at))
    const [program, ...args] = command
    if (program === undefined) throw usage('there is no command behind --', 'exec')
    if (this.words.length === 0) throw usage('no instance was named', 'exec')
    const client = await this.client()
    const { instances } = await namedInstances(client, this.words, this.namespace, 'exec')
    const instance = preferredInstance(instances)
    if (instance === undefined)
      throw new NsctlError('NotFound', `${this.words.join(' ')} has no instance to run in`, {
        value: this.words.join(' '),
        next: 'see: nsctl get instances',
      })
    return client.exec(
      {
        instance,
        command: [program, ...args],
        stdin: flags.stdin === true,
        tty: flags.tty === true,
        ...(flags.program === undefined ? {} : { program: flags.program }),
      },
      this.context.signal,
    )
  }
}
