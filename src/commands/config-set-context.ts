import { resolve } from 'node:path'
import * as Flags from '@oclif/core/flags'
import { deepEqual } from '../core/json.ts'
import {
  type Config,
  checkContextName,
  contextNamed,
  redactedConfig,
  withContext,
} from '../main/config/config.ts'
import { absoluteStoreUrl } from '../main/paths.ts'
import { usage } from './base.ts'
import { ConfigCommand } from './config-command.ts'
import * as shared from './flags.ts'

const { store: _store, namespace: _namespace, context: _context, ...globals } = shared.globalFlags

const file = (what: string) => Flags.string({ helpValue: 'FILE', summary: what })

/** `nsctl config set-context NAME`. */
export class ConfigSetContext extends ConfigCommand {
  static override summary = 'Make a context, or change what it says'
  static override description =
    'What no flag names stays as it is; an empty value takes it away. Credentials are named, not given: a token that must stand in the file itself is written there by hand, as token.'
  static override examples = [
    'nsctl config set-context dev --store sqlite:./dev.db',
    'nsctl config set-context prod --store consuls://a.example.org,b.example.org/nsctl --namespace shop --token-file ~/.consul-token',
    'nsctl config set-context --current --namespace shop',
  ]
  static override baseFlags = globals as typeof shared.globalFlags
  static override args = { name: shared.argument({ description: 'The name of the context.' }) }
  static override flags = {
    current: Flags.boolean({ summary: 'The current context, rather than one by its name.' }),
    store: Flags.string({ helpValue: 'URL', summary: 'Its store. A new context needs one.' }),
    namespace: Flags.string({ char: 'n', helpValue: 'NAME', summary: 'What -n is where it is not given.' }),
    'token-file': file('Holds the token for Consul.'),
    username: Flags.string({
      helpValue: 'NAME',
      summary: 'The user of etcd; its password is $ETCDCTL_PASSWORD.',
    }),
    'certificate-authority': file('Whom to trust, under TLS.'),
    'client-certificate': file('Who we are, under TLS.'),
    'client-key': file('The key of the client certificate.'),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ConfigSetContext)
    if ((flags.current === true) === this.words.length > 0)
      throw usage('name a context, or say --current', 'config set-context', this.words[0])
    const { cwd } = this.context
    const { store, namespace, username } = flags
    const path = (given: string | undefined) => given && resolve(cwd, given)
    const fields = {
      store: store && absoluteStoreUrl(store, cwd),
      namespace,
      username,
      tokenFile: path(flags['token-file']),
      'certificate-authority': path(flags['certificate-authority']),
      'client-certificate': path(flags['client-certificate']),
      'client-key': path(flags['client-key']),
    }
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
    let [name = ''] = this.words
    let did = ''
    const changed = await this.change((config) => {
      if (flags.current) name = this.#current(config)
      const isThere = contextNamed(config, name) !== undefined
      if (!isThere) checkContextName(name)
      if (store === '' || (!isThere && store === undefined))
        throw usage(`the context ${name} has no store`, 'config set-context', name, 'say --store URL')
      const edited = withContext(config, name, given)
      did = !isThere ? 'created' : deepEqual(edited, config) ? 'unchanged' : 'changed'
      return edited
    })
    this.print(`context/${name} ${did}   ${contextNamed(redactedConfig(changed), name)?.store}`)
    if (changed.currentContext === undefined)
      this.note(`make it the current one with nsctl config use-context ${name}`)
  }

  #current(config: Config): string {
    const { currentContext } = config
    if (currentContext === undefined)
      throw usage('no context is the current one', 'config set-context', undefined, 'name one')
    this.mustHave(config, currentContext)
    return currentContext
  }
}
