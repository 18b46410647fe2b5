/** What an agent keeps: its agent token, and for each resource a person token, an auth token and a session (`AAuth-Access`). */
export type WalletKind = 'agent' | 'person' | 'auth' | 'session'

/**
 * Where an agent keeps tokens and sessions between its requests. They are useless without the agent's key, but should
 * still be kept secret. A wallet belongs to one agent; processes that share one must all see the value that was set
 * last.
 */
export interface Wallet {
  /**
   * @param resource the resource's identifier, such as `https://notes.example`; the empty string for `agent`
   * @returns the token or session as it was set
   */
  get(kind: WalletKind, resource: string): string | undefined | Promise<string | undefined>
  /** @param expires seconds since 1970 when the value expires, if that is known */
  set(kind: WalletKind, resource: string, value: string, expires: number | undefined): unknown
  delete(kind: WalletKind, resource: string): unknown
}

/**
 * A wallet in the memory of this process. When it is full, the least recently used entry is dropped.
 *
 * @param limit tokens and sessions held; default 1000
 * @throws TypeError when the limit is no positive whole number
 *
 * @example
 * ```ts
 * import { createAgent, createMemoryWallet } from '@countersign/agent'
 *
 * const agent = createAgent({
 *   key: JSON.parse(process.env['AGENT_KEY'] ?? '{}'),
 *   agentToken: process.env['AGENT_TOKEN'] ?? '',
 *   wallet: createMemoryWallet(50),
 * })
 * ```
 */
export function createMemoryWallet(limit = 1000): Wallet {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new TypeError('createMemoryWallet: the limit must be a positive whole number')
  const held = new Map<string, string>()
  const put = (name: string, value: string): void => {
    held.delete(name)
    held.set(name, value)
    if (held.size > limit) held.delete(held.keys().next().value as string)
  }
  return {
    get(kind, resource) {
      const name = `${kind} ${resource}`
      const value = held.get(name)
      if (value !== undefined) put(name, value)
      return value
    },
    set: (kind, resource, value) => put(`${kind} ${resource}`, value),
    delete: (kind, resource) => held.delete(`${kind} ${resource}`),
  }
}
