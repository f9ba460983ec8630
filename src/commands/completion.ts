import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'

/** Each asks nsctl itself what could follow, so that kinds and names come from the store. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_nsctl() {
  local candidates
  candidates=$(nsctl __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$candidates" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _nsctl nsctl
`,
  zsh: `#compdef nsctl
_nsctl() {
  local -a candidates
  candidates=(\${(f)"$(nsctl __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null | sed 's/:/\\\\:/g; s/\\t/:/')"})
  if (( \${#candidates} )); then _describe nsctl candidates; else _files; fi
}
compdef _nsctl nsctl
`,
  fish: `function __nsctl_complete
  set -l words (commandline -opc) (commandline -ct)
  nsctl __complete -- $words[2..-1] 2>/dev/null
end
complete -c nsctl -f -a '(__nsctl_complete)'
complete -c nsctl -F -n '__fish_seen_argument -s f -l filename'
`,
}

/** `nsctl completion bash|zsh|fish`. */
export class Completion extends NsctlCommand {
  static override summary = 'Completion for bash, zsh or fish'
  static override description =
    'Prints a script that completes commands, flags, types and the names in the store.'
  static override examples = [
    'source <(nsctl completion bash)',
    'nsctl completion zsh > ~/.zfunc/_nsctl',
    'nsctl completion fish > ~/.config/fish/completions/nsctl.fish',
  ]
  static override args = { shell: shared.argument({ required: true, description: 'bash, zsh or fish.' }) }

  override async run(): Promise<undefined> {
    await this.parse(Completion)
    const shell = this.words[0] ?? ''
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
    if (script === undefined)
      throw usage(
        `there is no completion for ${JSON.stringify(shell)}`,
        'completion',
        shell,
        'name bash, zsh or fish',
      )
    this.print(script)
  }
}
