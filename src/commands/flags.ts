/** Flags that several verbs share: same name, same meaning, same words in the help, as in kubectl. */
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'

/** Lets a flag stand without a value: `--dry-run` for `--dry-run=client`. Read by `normalizeArgv`. */
export function withBareValue<F extends object>(flag: F, bare: string): F {
  return Object.assign(flag, { bare })
}

/** Flags of every verb. */
export const globalFlags = {
  namespace: Flags.string({
    char: 'n',
    helpValue: 'NAME',
    summary: 'Namespace to work in; $NSCTL_NAMESPACE, else the context’s, else default.',
    helpGroup: 'GLOBAL',
  }),
  store: Flags.string({
    helpValue: 'URL',
    summary:
      'Store to talk to, sqlite:/path or consul://host,host2/prefix; $NSCTL_STORE, else the current context’s, else under $NSCTL_HOME or the XDG state directory.',
    helpGroup: 'GLOBAL',
  }),
  context: Flags.string({
    helpValue: 'NAME',
    summary:
      'Context to work in, rather than the current one or $NSCTL_STORE: see nsctl config get-contexts.',
    helpGroup: 'GLOBAL',
  }),
  'no-color': Flags.boolean({ summary: 'No colours, as with $NO_COLOR.', helpGroup: 'GLOBAL' }),
  help: Flags.boolean({ char: 'h', summary: 'Show this help.', helpGroup: 'GLOBAL' }),
}

export const allNamespaces = Flags.boolean({
  char: 'A',
  summary: 'Objects of all namespaces.',
  exclusive: ['namespace'],
})

export const filename = Flags.string({
  char: 'f',
  helpValue: 'FILE',
  multiple: true,
  multipleNonGreedy: true,
  summary: 'A file, a folder, a URL, or - for standard input. May be given several times.',
})

export const recursive = Flags.boolean({ char: 'R', summary: 'Folders with all that is below them.' })

export const selector = Flags.string({
  char: 'l',
  helpValue: 'SELECTOR',
  summary: 'Only objects with these labels: app=web,tier!=db,env in (a,b).',
})

export const fieldSelector = Flags.string({
  helpValue: 'SELECTOR',
  summary: 'Only objects with these fields: metadata.name=web,status.phase!=Running.',
})

export const dryRun = withBareValue(
  Flags.string({
    helpValue: 'none|client|server',
    options: ['none', 'client', 'server'],
    summary: 'Say what would happen and write nothing.',
  }),
  'client',
)

/** `-o` of verbs that change something. */
export const changeOutput = Flags.string({
  char: 'o',
  helpValue: 'name|json|yaml',
  summary: 'Print the objects instead of what happened: name, json, yaml, jsonpath=…, custom-columns=….',
})

/** `-o` of verbs that show something. */
export const output = Flags.string({
  char: 'o',
  helpValue: 'FORMAT',
  summary: 'table, wide, yaml, json, name, jsonpath=…, jsonpath-file=…, custom-columns=….',
})

export const ignoreNotFound = Flags.boolean({ summary: 'What is not there is no error.' })

/** A span of time; 0 does not wait at all where kubectl's would wait for ever. */
export const timeout = Flags.string({ helpValue: 'DURATION', summary: 'Give up after that: 30s, 5m.' })

/** A word after the verb. Never read from standard input, which is what -f - is for. */
export function argument(options: {
  readonly description: string
  readonly required?: boolean
  readonly multiple?: boolean
}) {
  return Args.string({ ...options, ignoreStdin: true } as { ignoreStdin: true })
}
