/** Where units find their programs' material: below the run directory, which is in memory. */
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import {
  CREDENTIALS_VARIABLE,
  materialPlaces,
  openCredentials,
  ownFolder,
  refuseUnfit,
  removeMaterial,
  writeMaterial,
} from '../material-files.ts'
import { type ProgramId, type ProgramMaterial, type ProgramSpec, programKey } from '../runtime.ts'
import { environmentFileLine, isPlainEnvironmentValue } from './escape.ts'
import type { Layout } from './layout.ts'
import { givenCredentials, LIVE_GROUP, linkFolders } from './material-lines.ts'
import { parseUnitName, templateStem, unitName } from './names.ts'
import { containerOwner, isContainer, LOADED_CREDENTIALS } from './nspawn/lines.ts'

/** What systemd hands over of credentials to one unit, names included; more and the unit does not start. */
const MAX_LOADED_BYTES = 1 << 20

export class SystemdMaterials {
  readonly #layout: Layout
  /** Placed since the last stop: what ends only now is not what it is for. */
  readonly #kept = new Set<string>()
  /** False where what is placed would end up on a disk. */
  readonly inMemory: boolean

  /** The run directory must be there. */
  constructor(layout: Layout) {
    this.#layout = layout
    this.inMemory = layout.disk.isInMemory(layout.envDir)
  }

  /** @throws Invalid for what systemd cannot pass on; Unsupported where secrets would lie on a disk; Failed where there is no room */
  place(id: ProgramId, material: ProgramMaterial): void {
    refuseUnfit(material)
    const variables = environmentText(material.environment)
    if (!this.inMemory && (variables !== undefined || material.credentials.size > 0)) throw this.#onDisk()
    const { disk, materialDir } = this.#layout
    ownFolder(materialDir, disk)
    this.#kept.add(programKey(id))
    writeMaterial(this.#dirOf(id), material, variables, disk)
  }

  /** @throws Failed, naming what `place` has not put there; TooLarge for more than systemd hands over */
  assertPlaced({ id, material: shape }: ProgramSpec): void {
    if (shape === undefined) return
    const { credentials, environment } = materialPlaces(this.#dirOf(id))
    if (shape.environment) this.#sizeOf(id, environment, 'its secret variables')
    let bytes = 0
    for (const name of shape.credentials)
      bytes += name.length + this.#sizeOf(id, join(credentials, name), `the credential ${name}`)
    if (shape.live || bytes <= MAX_LOADED_BYTES) return
    throw new NsctlError('TooLarge', `the credentials of ${unitName(id)} come to ${bytes} bytes`, {
      value: bytes,
      next: `systemd hands over ${MAX_LOADED_BYTES} at most: take fewer keys, or onChange: reload, for which that does not hold`,
    })
  }

  #sizeOf(id: ProgramId, file: string, what: string): number {
    const size = this.#layout.disk.info(file)?.sizeBytes
    if (size !== undefined) return size
    throw new NsctlError('Failed', `${unitName(id)} cannot be started: ${what} is not in place`, {
      value: unitName(id),
    })
  }

  /** Makes ready what the unit's text counts on; false where what it takes was not placed. */
  prepare(id: ProgramId, unit: string, paths: Readonly<Record<string, string>>): boolean {
    const { materialDir, scope, disk } = this.#layout
    if (!unit.includes(`${materialDir}/`)) return true
    const dir = this.#dirOf(id)
    if (disk.info(dir) === undefined) return false
    const contained = isContainer(unit)
    if (contained && unit.includes(`"--setenv=${CREDENTIALS_VARIABLE}=`))
      openCredentials(dir, containerOwner(id), disk)
    if (scope === 'system' && unit.includes(`\nEnvironment="${CREDENTIALS_VARIABLE}=`))
      openCredentials(dir, LIVE_GROUP, disk)
    const loaded = contained && unit.includes('"--load-credential=')
    const credentials = loaded ? LOADED_CREDENTIALS : givenCredentials(this.#layout)
    for (const { name, links } of scope === 'system' ? linkFolders(paths) : []) {
      const folder = join(this.#layout.linkDir, templateStem(id), name)
      disk.makeFolder(folder, 0o755)
      for (const [file, credential] of Object.entries(links))
        disk.link(join(credentials, credential), join(folder, file))
    }
    return true
  }

  /** It is to be stopped: what was placed is for it, and goes with it. */
  release(id: ProgramId): void {
    this.#kept.delete(programKey(id))
  }

  /** Removes what was placed for a program that has ended, unless it was placed anew. */
  remove(id: ProgramId): void {
    if (!this.#kept.has(programKey(id))) removeMaterial(this.#dirOf(id), this.#layout.disk)
  }

  removeTemplate(id: ProgramId): void {
    const { disk, linkDir } = this.#layout
    disk.remove(join(linkDir, templateStem(id)))
  }

  /** Removes what an earlier process of ours placed and that is for nothing any more. */
  sweep(isWanted: (id: ProgramId) => boolean): void {
    const { materialDir, disk } = this.#layout
    for (const stem of disk.names(materialDir))
      for (const ordinal of disk.names(join(materialDir, stem))) {
        const id = parseUnitName(`${stem}@${ordinal}.service`)
        if (id === undefined || !isWanted(id)) removeMaterial(join(materialDir, stem, ordinal), disk)
      }
  }

  clear(): void {
    this.#kept.clear()
  }

  #dirOf(id: ProgramId): string {
    return join(this.#layout.materialDir, templateStem(id), String(id.ordinal))
  }

  #onDisk(): NsctlError {
    const { materialDir } = this.#layout
    return new NsctlError('Unsupported', `${materialDir} is not in memory: no secret is put there`, {
      value: materialDir,
      next: 'mount a tmpfs at /run (or at $XDG_RUNTIME_DIR), as systemd does',
    })
  }
}

/** Any other it drops, and writes it into the journal with its value. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** The text of an EnvironmentFile=; undefined where there is no variable. @throws Invalid for what systemd would drop */
function environmentText(variables: ProgramMaterial['environment']): string | undefined {
  if (variables.size === 0) return undefined
  const lines = [...variables].map(([name, value]) => {
    if (!VARIABLE_NAME.test(name))
      throw new NsctlError('Invalid', `systemd takes no variable with the name ${JSON.stringify(name)}`, {
        value: name,
        next: 'letters, digits and underscores make a name',
      })
    if (isPlainEnvironmentValue(value) && value.isWellFormed()) return environmentFileLine(name, value)
    throw new NsctlError(
      'Invalid',
      `systemd passes on no variable with the characters that ${name} has in it`,
      {
        value: name,
        next: 'control characters, carriage returns among them, need a file: take it under secrets',
      },
    )
  })
  return lines.join('')
}
