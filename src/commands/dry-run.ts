/** Whether --dry-run, as given, means that nothing is to be written. */
export function isDryRun(given: string | undefined): boolean {
  return given !== undefined && given !== 'none'
}
