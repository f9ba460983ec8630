/** The number on its way through the steps, and what each did to it. */
import type { Step, StepName } from '../decision.ts'

export class Trail {
  readonly steps: Step[] = []
  /** As it stands. */
  replicas: number
  /** The last step that held something back. */
  limited: { readonly reason: string; readonly message: string } | undefined

  constructor(replicas: number) {
    this.replicas = replicas
  }

  /** Notes that `step` makes it `to`. */
  take(step: StepName, to: number, reason: string, text: string): void {
    this.steps.push({ step, from: this.replicas, to, reason, text })
    this.replicas = to
  }

  /** As `take`, where the step is one that keeps the number from what was wanted. */
  limit(step: StepName, to: number, reason: string, text: string): void {
    this.take(step, to, reason, text)
    this.limited = { reason, message: text }
  }

  /** Notes a step that did nothing. */
  pass(step: StepName, reason: string, text: string): void {
    this.steps.push({ step, from: this.replicas, to: this.replicas, reason, text })
  }
}
