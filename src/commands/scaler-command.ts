/** What the verbs about scalers share. */
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import { isScaler } from '../views/scaler/about.ts'
import { toAscii, wantsAscii } from '../views/scaler/ascii.ts'
import { timezoneOf } from '../views/scaler/record.ts'
import { ZoneTimes } from '../views/scaler/times.ts'
import { usage } from './base.ts'
import { ChangeCommand } from './change-command.ts'
import { notFound, parseTarget, refOf } from './targets.ts'

export interface ScalerTarget {
  readonly ref: ObjectRef
  readonly object: AnyResource
}

export abstract class ScalerCommand extends ChangeCommand {
  /** The only one that is named. */
  protected async scaler(client: Client): Promise<ScalerTarget> {
    const [word] = this.words
    if (word === undefined || this.words.length > 1)
      throw usage(`exactly one scaler must be named, not ${this.words.length}`, this.id ?? 'scaler')
    return this.#find(client, word)
  }

  /** All that are named; at least one. */
  protected async scalers(client: Client): Promise<readonly ScalerTarget[]> {
    if (this.words.length === 0) throw usage('no scaler was named', this.id ?? 'scaler')
    return Promise.all(this.words.map((word) => this.#find(client, word)))
  }

  /** `web` is a ScaledObject, or else a ScaledJob; `scaledjob/web` says which. */
  async #find(client: Client, word: string): Promise<ScalerTarget> {
    if (word.includes('/')) {
      const target = await parseTarget([word], client, this.id ?? 'scaler')
      const ref = refOf(target, this.namespace)
      if (!isScaler(target.kind.kind))
        throw new NsctlError('Unsupported', `${word} is no scaler`, {
          value: word,
          next: 'name a ScaledObject (web, scaledobject/web) or a ScaledJob (scaledjob/web)',
        })
      const object = await client.get(ref)
      if (object === undefined) throw notFound(ref)
      return { ref, object }
    }
    for (const kind of ['ScaledObject', 'ScaledJob']) {
      const ref: ObjectRef = { kind, namespace: this.namespace, name: word }
      const object = await client.get(ref)
      if (object !== undefined) return { ref, object }
    }
    throw notFound({ kind: 'ScaledObject', namespace: this.namespace, name: word })
  }

  protected times(object: AnyResource): ZoneTimes {
    return new ZoneTimes(timezoneOf(object), this.context.clock.now())
  }

  /** As `print`, in signs that the terminal has. */
  protected printPage(text: string): void {
    this.print(wantsAscii(this.context.env) ? toAscii(text) : text)
  }
}

/** -o of verbs that show decisions. */
export function decisionFormat(output: string | undefined, verb: string): 'json' | 'yaml' | undefined {
  if (output === undefined || output === 'json' || output === 'yaml') return output
  throw usage(`unknown output format: ${output} (json or yaml)`, verb, output)
}
