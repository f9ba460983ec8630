/** After a boot: what is kept of a program is put in place before it is started. */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type ProgramId, programKey, type RuntimeMaterials } from '../../runtimes/runtime.ts'
import type { MaterialKeep } from './keep.ts'

export interface RestoreOptions {
  readonly keep: Pick<MaterialKeep, 'load'>
  readonly runtime: Pick<RuntimeMaterials, 'place'>
  readonly logger: Logger
}

/** False where what is kept cannot be opened: without it the program is not to be started. */
export async function placeKept(id: ProgramId, { keep, runtime, logger }: RestoreOptions): Promise<boolean> {
  try {
    const material = await keep.load(id)
    if (material !== undefined) await runtime.place(id, material)
    return true
  } catch (error) {
    const message = `a program waits for the control plane, because what it is to be given cannot be opened: ${messageOf(error)}`
    logger.log('warn', message, { program: programKey(id) })
    return false
  }
}
