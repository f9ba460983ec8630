import * as Flags from '@oclif/core/flags'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { type ExplainOptions, type Explanation, explain } from '../resources/explain.ts'
import { createKindRegistry } from '../resources/registry.ts'
import { renderExplanation } from '../views/explain.ts'
import { NsctlCommand } from './base.ts'
import * as shared from './flags.ts'

/** `nsctl explain`: reads the store only for kinds of your own. */
export class Explain extends NsctlCommand {
  static override summary = 'The fields of a kind: type, default, meaning'
  static override examples = [
    'nsctl explain service',
    'nsctl explain service.spec.template.resources',
    'nsctl explain svc --recursive',
    'nsctl explain trigger.redis',
    'nsctl explain widget.spec --api-version example.org/v1alpha1',
  ]
  static override args = {
    field: shared.argument({
      required: true,
      description:
        'A kind, a field of it (service.spec.update), or what triggers take (trigger, trigger.redis).',
    }),
  }
  static override flags = {
    recursive: Flags.boolean({ summary: 'Fields of fields too.' }),
    'api-version': Flags.string({
      helpValue: 'GROUP/VERSION',
      summary: 'In this version of the kind; in the preferred one by default.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Explain)
    const { recursive, 'api-version': apiVersion } = flags
    const how = { recursive, ...(apiVersion === undefined ? {} : { apiVersion }) }
    const [text = ''] = this.words
    const trigger = /^triggers?(?:[./](.+))?$/.exec(text)
    if (trigger !== null) return this.#explainTrigger(trigger[1])
    this.print(renderExplanation(await this.#explain(text, how)))
  }

  /** No kind of ours is called so, and one of the user's has a full name. */
  async #explainTrigger(type: string | undefined): Promise<undefined> {
    const [{ TRIGGERS, triggerSchema }, { withoutSource }, views] = await Promise.all([
      import('../resources/triggers/index.ts'),
      import('../resources/triggers/admission.ts'),
      import('../views/explain-trigger.ts'),
    ])
    const schema = triggerSchema(type ?? '')
    if (type !== undefined && schema === undefined) {
      const [near] = nearest(
        type,
        TRIGGERS.flatMap(({ types }) => types),
        1,
      )
      throw new NsctlError('NotFound', withoutSource(type), {
        value: type,
        next: `nsctl explain ${near === undefined ? 'trigger' : `trigger.${near}`}`,
      })
    }
    this.print(
      type === undefined || schema === undefined ? views.renderTriggers() : views.renderTrigger(type, schema),
    )
  }

  async #explain(text: string, how: ExplainOptions): Promise<Explanation> {
    const own = createKindRegistry()
    const isOwn = text
      .split('.')
      .some((_, at, steps) => own.byName(steps.slice(0, at + 1).join('.')) !== undefined)
    if (isOwn) return explain(own, text, how)
    try {
      const client = await this.client('compare')
      await client.refreshKinds()
      return explain(client.kinds, text, how)
    } catch (error) {
      // without a store there are only our own kinds, and the nearest of them is what helps
      if (isNsctlError(error, 'NotFound', 'Bug')) throw error
      return explain(own, text, how)
    }
  }
}
