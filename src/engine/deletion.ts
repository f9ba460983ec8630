/** Ending many objects. */
import type { ResourceController } from '../api/api.ts'
import { seenRef } from '../api/seen.ts'
import type { AnyResource } from '../resources/object.ts'

/** Asks for the end of each whose end nobody has asked for yet: of these very objects, not of later ones of their names. */
export async function requestDeletes(
  api: Pick<ResourceController, 'requestDelete'>,
  objects: readonly AnyResource[],
): Promise<void> {
  await Promise.all(
    objects
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((object) => api.requestDelete(seenRef(object))),
  )
}
