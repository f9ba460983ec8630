/** Changes of small files, as lines for a script of ours that makes them there: any number in one exchange, and no content in arguments. Pure. */
import { word } from '../../../transport/words.ts'
import type { Access } from '../../disk.ts'

/**
 * Reads a line for each change and stops at the first that fails. Only what the shell does by itself is done for each file but for its renaming: a
 * hundred files are a hundred processes. `read` takes all but what is between spaces, `%b` undoes what `word` does.
 */
export const MAKE_CHANGES = `
plain() { case $1 in *\\\\*) plain=$(printf '%b_' "$1"); plain=\${plain%_} ;; *) plain=$1 ;; esac; }
fail() { echo "$1" >&2; exit 1; }
while read -r what first second third fourth rest; do
  case $what in
    write)
      plain "$third"; part=$plain; plain "$fourth"; path=$plain
      umask "$first"
      [ ! -e "$part" ] || rm -f -- "$part"
      printf '%b' "$rest" >"$part" || { rm -f -- "$part"; fail "$path cannot be written"; }
      [ "$second" = - ] || chgrp "$second" "$part" && mv -fT -- "$part" "$path" || fail "$path cannot be put in place"
      umask 077 ;;
    folder) plain "$second"; [ -d "$plain" ] || mkdir -m "$first" -- "$plain" || fail "$plain cannot be made" ;;
    access)
      plain "$third"
      [ "$second" = - ] || chgrp "$second" "$plain" || fail "$plain: its group"
      chmod "$first" "$plain" || fail "$plain: its mode" ;;
    remove) plain "$first"; rm -rf -- "$plain" || fail "$plain cannot be removed" ;;
    empty) plain "$first"; rmdir -- "$plain" 2>/dev/null ;;
    link)
      plain "$first"; target=$plain; plain "$second"
      ln -sfn -- "$target" "$plain.part" && mv -fT -- "$plain.part" "$plain" || fail "$plain cannot be linked" ;;
    touch) plain "$first"; touch -d "@$(date +%s.%N)" -- "$plain" || fail "$plain cannot be touched" ;;
    *) fail "unknown: $what" ;;
  esac
done
`

export function writeLine(path: string, content: string | Uint8Array, { mode, gid, part }: Access): string {
  const mask = octal(0o777 & ~mode)
  const words = [mask, gid ?? '-', word(part ?? `${path}.part`), word(path)]
  return `write ${words.join(' ')} ${word(content)}\n`
}

export function folderLine(path: string, mode: number): string {
  return `folder ${octal(mode)} ${word(path)}\n`
}

export function accessLine(path: string, { mode, gid }: Access): string {
  return `access ${octal(mode)} ${gid ?? '-'} ${word(path)}\n`
}

export function removeLine(path: string): string {
  return `remove ${word(path)}\n`
}

export function removeEmptyLine(path: string): string {
  return `empty ${word(path)}\n`
}

export function linkLine(target: string, path: string): string {
  return `link ${word(target)} ${word(path)}\n`
}

export function touchLine(path: string): string {
  return `touch ${word(path)}\n`
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
