import * as Flags from '@oclif/core/flags'
import { parseDurationMs } from '../core/quantity.ts'
import type { JoinToken } from '../resources/generated/types.ts'
import { toJson } from '../views/output.ts'
import { renderRows } from '../views/table.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'
import { makeJoinToken } from './join-token.ts'

/** A token is for now: whoever needs one later makes one later. */
const LONGEST_MS = 7 * 24 * 60 * 60 * 1000

interface CreateFlags {
  readonly ttl: string
  readonly name: string | undefined
  readonly uses: number
  readonly address: readonly string[] | undefined
}

/** `nsctl node token [list|create|delete]`. */
export class NodeToken extends NsctlCommand {
  static override summary = 'Tokens with which machines join: list, create, delete'
  static override description =
    'A token lets a machine become a node for a short time: nsctl agent --join-token-file FILE. It is shown once, and only a digest of its secret is stored. It names the control plane’s authority, so that the machine is not fooled by another one. With --name it is for that node alone, also where that is there already: then its former credential ends.'
  static override usage = 'node token [list | create | delete ID] [flags]'
  static override examples = [
    'nsctl node token create',
    'nsctl node token create --name n1 --ttl 15m',
    'nsctl node token create --uses 20 > token',
    'nsctl node token list',
    'nsctl node token delete 4f8a11c09d',
  ]
  static override args = {
    action: shared.argument({ multiple: true, description: 'list, create, or delete with an id.' }),
  }
  static override flags = {
    ttl: Flags.string({
      helpValue: '1h',
      default: '1h',
      summary: 'With create: how long it is good, 7d at most.',
    }),
    name: Flags.string({ helpValue: 'NODE', summary: 'With create: the only node that joins with it.' }),
    uses: Flags.integer({
      min: 1,
      max: 1000,
      default: 1,
      summary: 'With create: how many machines join with it.',
    }),
    address: Flags.string({
      helpValue: 'HOST:PORT',
      multiple: true,
      summary: 'With create: where the machine reaches a join listener; as the controllers say if left out.',
    }),
    output: Flags.string({ char: 'o', helpValue: 'json', options: ['json'], summary: 'With list: json.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(NodeToken)
    const [action = 'list', id, ...more] = this.words
    if (more.length > 0 || (action !== 'delete' && id !== undefined))
      throw usage(`${action} takes no more words`, 'node token', [id, ...more].join(' '))
    if (action === 'list') return this.#list(flags.output)
    if (action === 'create') return this.#create(flags)
    if (action !== 'delete')
      throw usage(`there is no ${JSON.stringify(action)}`, 'node token', action, 'say list, create or delete')
    if (id === undefined) throw usage('no token was named', 'node token', action)
    const client = await this.client('write')
    await client.delete({ kind: 'JoinToken', name: id }, { actor: this.actor('node token') })
    this.print(`jointoken/${id} deleted`)
  }

  async #create({ ttl, name, uses, address }: CreateFlags): Promise<undefined> {
    const ttlMs = readTtl(ttl)
    if (name !== undefined && uses !== 1) throw usage('a token for one node has one use', 'node token', uses)
    const client = await this.client('write')
    const { id, text } = await makeJoinToken(client, {
      ...{ nowMs: this.context.clock.now(), ttlMs, uses, actor: this.actor('node token') },
      ...(name === undefined ? {} : { node: name }),
      ...(address === undefined ? {} : { addresses: address }),
    })
    this.print(text)
    const whom = name === undefined ? `${uses === 1 ? 'a machine' : `${uses} machines`}` : `node ${name}`
    this.note(
      `jointoken/${id}, for ${whom} within ${ttl}: keep it as you would a password, and on the machine: nsctl agent --join-token-file FILE`,
    )
  }

  async #list(output: string | undefined): Promise<undefined> {
    const client = await this.client('read')
    const { items } = await client.list<JoinToken>(client.kinds.byKind('JoinToken'))
    const nowMs = this.context.clock.now()
    const tokens = items.map(({ metadata, spec, status }) => ({
      id: metadata.name,
      node: spec.node,
      expiresAt: spec.expiresAt,
      uses: spec.uses,
      used: status?.used ?? 0,
      nodes: status?.nodes ?? [],
      state: stateOf(spec, status?.used ?? 0, nowMs),
    }))
    if (output === 'json') return this.print(toJson(tokens)) as undefined
    if (tokens.length === 0) return this.note('there is no join token: nsctl node token create') as undefined
    const rows = tokens.map((one) => [
      one.id,
      one.state,
      one.node ?? 'any',
      one.expiresAt,
      `${one.used}/${one.uses}`,
      one.nodes.join(','),
    ])
    this.print(renderRows([['ID', 'STATE', 'NODE', 'EXPIRES', 'USED', 'BY'], ...rows]))
  }
}

function stateOf({ expiresAt, uses }: JoinToken['spec'], used: number, nowMs: number): string {
  if (!(Date.parse(expiresAt) > nowMs)) return 'expired'
  return used >= uses ? 'used up' : 'good'
}

function readTtl(text: string): number {
  const ttlMs = parseDurationMs(text)
  if (ttlMs > 0 && ttlMs <= LONGEST_MS) return ttlMs
  throw usage('--ttl is more than 0s and at most 7d', 'node token', text)
}
