/** The refusal to seal to whom this user does not know. */
import { NsctlError } from '../../core/errors.ts'
import type { KnownRecipients } from './known.ts'
import type { NamedRecipient } from './recipients.ts'

/** Throws Failed, naming each recipient that is new; Invalid where nobody is there to seal to. */
export function refuseNew(news: readonly NamedRecipient[], known: KnownRecipients | undefined): void {
  const [first] = news
  if (first === undefined) return
  const issues = news.map(({ name, key, role }) => {
    const before = known?.get(name)
    const what = role === 'ControlPlane' ? 'a control plane' : 'an operator'
    return before === undefined
      ? `recipient ${name} (${what}, ${key}) is new to you, and nothing is sealed to it unless you say so`
      : `recipient ${name} (${what}) has another key than the one you know: ${key}, and it was ${before}`
  })
  throw new NsctlError(
    'Failed',
    issues.length === 1 ? issues[0]! : `${issues.length} recipients are new to you`,
    {
      issues,
      value: first.name,
      next: `nothing was sealed. Ask whoever holds the key whether it is right, then: nsctl secret recipients trust ${first.name}\nif it is not: nsctl secret recipients remove ${first.name}`,
    },
  )
}
