/** The names that programs know Configs' and Secrets' files by. */

/** `CONFIG_MY_APP` for `my-app` and `my.app`: the variable that says where a Config's files lie. */
export function configVariable(name: string): string {
  return `CONFIG_${name.toUpperCase().replaceAll(/[-.]/g, '_')}`
}

/** `db.password`: the file in $CREDENTIALS_DIRECTORY that a Secret's key is, unless it is given another name. */
export function credentialName(secret: string, key: string): string {
  return `${secret}.${key}`
}
