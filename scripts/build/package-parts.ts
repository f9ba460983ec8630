/**
 * Keeps packages that few commands need out of the main bundle: loading a bundle's code cache costs by its size, whether its
 * functions run or not. Each part is a script beside the bundle with a code cache of its own, loaded at the first use.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

interface Part {
  readonly packages: readonly string[]
  /** The package whose requires of them are meant, where others may have their own versions; ours where left out. */
  readonly of?: string
  /** Modules below them that nothing of ours calls, and that would cost at every load: left out. */
  readonly without?: readonly string[]
  /** Native addons that it can do without, and that stay unbuilt: requiring one fails, as it does where nothing was built. */
  readonly unbuilt?: readonly string[]
}

/** Packages are CommonJS or become it: what they are to an importer is decided where the bundle requires them. */
export const PARTS: Readonly<Record<string, Part>> = {
  yaml: { packages: ['yaml'] },
  schema: { packages: ['ajv'] },
  metrics: { packages: ['prom-client'] },
  consul: { packages: ['consul'] },
  // clients of what triggers look at: one that is not asked costs nobody anything
  grpc: { packages: ['@grpc/grpc-js', '@grpc/proto-loader'] },
  postgresql: { packages: ['pg'] },
  mysql: { packages: ['mysql2'] },
  ssh: { packages: ['ssh2'], unbuilt: ['cpu-features', './crypto/build/Release/sshcrypto.node'] },
  xml: { packages: ['fast-xml-parser'] },
  age: {
    packages: ['age-encryption'],
    // arithmetic of curves: that of X25519 is OpenSSL's (src/secrets/x25519.ts), and other kinds of keys are refused before
    without: ['@noble/curves/ed25519.js', '@noble/curves/nist.js', '@noble/post-quantum/hybrid.js'],
  },
  // what oclif draws help and errors with, and looks for plugins with
  console: {
    of: '@oclif/core',
    packages: [
      'ansis',
      'clean-stack',
      'cli-spinners',
      'debug',
      'ejs',
      'indent-string',
      'lilconfig',
      'minimatch',
      'string-width',
      'supports-color',
      'tinyglobby',
      'widest-line',
      'wrap-ansi',
    ],
  },
}

function partOf(name: string, importer: string): string | undefined {
  for (const [part, { packages, of }] of Object.entries(PARTS))
    if (
      packages.includes(name) &&
      (of === undefined ? !importer.includes('node_modules') : importer.includes(of))
    )
      return part
  return undefined
}

/** How the loader knows a part. */
export function partFile(part: string): string {
  return `part-${part}.cjs`
}

/** A require of one of the packages becomes one of its part. */
export function packageParts(): Plugin {
  return {
    name: 'package-parts',
    setup(build) {
      build.onResolve({ filter: /^[@a-z][a-z0-9@/-]*$/ }, ({ path, importer }) => {
        const part = partOf(path, importer)
        return part === undefined ? undefined : { path, namespace: 'part', pluginData: part }
      })
      build.onResolve({ filter: /^\.\/part-/, namespace: 'part' }, ({ path }) => ({ path, external: true }))
      build.onLoad({ filter: /.*/, namespace: 'part' }, ({ path, pluginData }) => ({
        contents: `module.exports = require('./${partFile(pluginData)}')[${JSON.stringify(path)}]()`,
      }))
    },
  }
}

/** A CommonJS module as the function that the loader calls. */
export function asFunction(source: string): string {
  return `(function(exports,require,module,__filename,__dirname){${source}\n})`
}

/** Builds one part: a script whose exports are its packages by name, each loaded when it is called. */
export async function buildPart(part: string, shared: BuildOptions, outdir: string): Promise<void> {
  const { packages, of = '.', without = [], unbuilt = [] } = PARTS[part] as Part
  const outfile = join(outdir, partFile(part))
  await build({
    ...shared,
    stdin: {
      contents: packages
        .map((name) => `exports[${JSON.stringify(name)}] = () => require(${JSON.stringify(name)})`)
        .join('\n'),
      resolveDir: join(shared.absWorkingDir as string, of === '.' ? of : `node_modules/${of}`),
    },
    outfile,
    format: 'cjs',
    plugins: [leftOut(without), leftUnbuilt(unbuilt)],
  })
  writeFileSync(outfile, asFunction(readFileSync(outfile, 'latin1')), 'latin1')
}

/** `modules` have nothing in them; calling something of theirs throws. */
function leftOut(modules: readonly string[]): Plugin {
  return {
    name: 'left-out',
    setup(build) {
      build.onResolve({ filter: /^@/ }, ({ path }) =>
        modules.includes(path) ? { path, namespace: 'left-out' } : undefined,
      )
      build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
    },
  }
}

/** Requiring one of `addons` throws. */
function leftUnbuilt(addons: readonly string[]): Plugin {
  return {
    name: 'left-unbuilt',
    setup(build) {
      build.onResolve({ filter: /^cpu-features$|\.node$/ }, ({ path }) =>
        addons.includes(path) ? { path, namespace: 'left-unbuilt' } : undefined,
      )
      build.onLoad({ filter: /.*/, namespace: 'left-unbuilt' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not built`)})`,
      }))
    },
  }
}
