/**
 * Port: credentials by which the agent of one node reaches its own part of a store (node-reach.ts) and nothing else. Who issues them has more
 * rights than who uses them: the join listener of a controller.
 */

/** The variables by which a process opens the store. Secret. */
export type NodeCredential = Readonly<Record<string, string>>

/** Errors: NsctlError Unsupported where the store cannot hold an agent to its own part, Unreachable where it refuses or is away. */
export interface CredentialIssuer {
  /** Makes sure that what is issued would be held to what it says: without that nothing is issued. */
  check(): Promise<void>
  /** A new credential of a node; those that were issued to it before end. */
  issue(node: string): Promise<NodeCredential>
  /** Ends all that were issued to a node, and forgets it. */
  revoke(node: string): Promise<void>
  /** The nodes that have one. */
  nodes(): Promise<readonly string[]>
  close(): void
}
