/** How a Job's runs are filed. */

/** What they have in place of a Service. It ends in a hyphen, as no Service's name can. */
export function serviceOfRuns(job: string): string {
  return `job-${job}-`
}
