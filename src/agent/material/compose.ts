/**
 * What each program of an instance is given of Configs and Secrets: variables that everybody may know, the names of what is secret, and
 * apart from both the secrets themselves. Pure.
 */
import type { ServiceTemplate } from '../../resources/generated/types.ts'
import { type ProgramTemplate, programsOf } from '../../resources/template.ts'
import type { MaterialShape, ProgramMaterial } from '../../runtimes/runtime.ts'
import type { Obstacle } from '../instance/record.ts'
import { type Files, filesOf } from './files.ts'
import type { Contents, Gathering, MaterialName } from './gathering.ts'
import { variablesOf } from './variables.ts'

export interface ComposedProgram {
  /** Nothing in it is secret. */
  readonly env: Readonly<Record<string, string>>
  readonly shape: MaterialShape | undefined
  /** There where `shape` is. */
  readonly material: ProgramMaterial | undefined
}

export type Composition =
  | {
      readonly kind: 'composed'
      /** By the program's name. */
      readonly programs: ReadonlyMap<string, ComposedProgram>
      /** What was left out, for people. */
      readonly notes: readonly string[]
    }
  | { readonly kind: 'obstacle'; readonly obstacle: Obstacle }

/** `find` gives what is in a Config or a Secret, and undefined where there is none of that name. */
export function composeMaterial(
  template: ServiceTemplate,
  find: (source: MaterialName) => Contents | undefined,
): Composition {
  const gathering: Gathering = { find, faults: [], notes: new Set() }
  const files = filesOf(template, gathering)
  const programs = new Map(
    programsOf(template).map((program) => [program.name, composeProgram(program, files, gathering)] as const),
  )
  // what cannot heal is told before what may
  const obstacle = gathering.faults.find((one) => one.phase === 'Failed') ?? gathering.faults[0]
  if (obstacle !== undefined) return { kind: 'obstacle', obstacle }
  return { kind: 'composed', programs, notes: [...gathering.notes] }
}

function composeProgram(program: ProgramTemplate, files: Files, gathering: Gathering): ComposedProgram {
  const { plain, secret } = variablesOf(program, gathering)
  const env = Object.fromEntries(plain)
  const { credentials, folders, folderShapes, paths, live } = files
  const isEmpty = credentials.size === 0 && folders.size === 0 && secret.size === 0 && !live
  if (isEmpty) return { env, shape: undefined, material: undefined }
  return {
    env,
    shape: {
      credentials: [...credentials.keys()],
      live,
      environment: secret.size > 0,
      folders: folderShapes,
      paths,
    },
    material: { credentials, environment: secret, folders },
  }
}
