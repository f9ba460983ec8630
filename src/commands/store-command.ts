/** What the verbs on a store as a whole share. */
import type { StoreChoice } from '../main/stores/export.ts'
import { NsctlCommand, usage } from './base.ts'

/** A verb that works on the store itself, beneath the objects. */
export abstract class StoreCommand extends NsctlCommand {
  /** The store to work on, and what it takes to open it. */
  protected choice(): StoreChoice {
    return { ...this.chosenStore(), clock: this.context.clock }
  }

  /** Whether -o asks for JSON. Usage for any other format. */
  protected wantsJson(output: string | undefined): boolean {
    if (output === undefined || output === 'json') return output === 'json'
    throw usage(`unknown output format: ${output} (json)`, this.id ?? 'store', output)
  }

  /** Runs what fills a store; says what an interruption leaves. */
  protected async filling<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (this.context.signal.aborted)
        this.note('interrupted: the store may be half filled. The same command again goes on where it was')
      throw error
    }
  }

  /** `value` as JSON on standard output. */
  protected printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2))
  }
}

/** What every copy of a store is told with: revisions are the new store's own. */
export const RESOURCE_VERSIONS =
  'resourceVersions are the new store’s own: a manifest that carries an old one (get -o yaml) is refused as a conflict'
