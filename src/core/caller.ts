/** Who calls a node's listener, as its certificate says. */
export interface Caller {
  /** An operator is a person; the control plane reads what it needs to scale. */
  readonly role: 'operator' | 'control-plane'
  /** For records. */
  readonly name: string
  /** All that it reaches; every namespace, and the node itself, where left out. */
  readonly namespace?: string
}
