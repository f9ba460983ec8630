/** Whether what a user's manager runs outlives the user's last session. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Where logind notes who lingers: a file of the user's name each. */
const LINGER_DIR = '/var/lib/systemd/linger'

/** A line for people where `user` does not linger; undefined where nothing ends at logout. */
export async function lingerAdvice(user: string, dir: string = LINGER_DIR): Promise<string | undefined> {
  const lingers = await stat(join(dir, user)).then(
    () => true,
    () => false,
  )
  if (lingers) return undefined
  return `it ends, with every workload, when ${user} logs out, and is back with the next login; to have it always: loginctl enable-linger ${user}`
}
