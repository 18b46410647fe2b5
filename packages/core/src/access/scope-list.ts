import type { Awaitable } from '../awaitable.js'
import { Refusal } from '../errors.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { identityScopes } from '../token/claims.js'

/** Which scopes a resource token may name. */
export interface ScopeList {
  /** Whether the resource describes this scope. */
  isOwn(name: string): boolean
  /** Whether this is an identity scope of AAuth 11.10 and not also a scope of our own. */
  isIdentity(name: string): boolean
  /**
   * Returns those of `names` that a resource token for a person of `ps` may name: our own, and identity scopes that
   * the person's server lists in `scopes_supported` (R-195, G-48). A {@link Refusal} when that server cannot be asked
   * now.
   */
  admit(names: readonly string[], ps: string): Awaitable<readonly string[] | Refusal>
}

/** @param own the scopes this resource describes */
export function createScopeList(
  own: ReadonlyMap<string, string>,
  issuers: Pick<IssuerKeys, 'metadata'>,
): ScopeList {
  const isOwn = (name: string): boolean => own.has(name)
  const isIdentity = (name: string): boolean => !own.has(name) && identityScopes.has(name)

  // The person server's metadata has just been used for its keys, so this rarely waits. In four-party access, too,
  // the person server's list counts.
  const supported = async (ps: string): Promise<readonly unknown[] | Refusal> => {
    const metadata = await issuers.metadata(ps, 'aauth-person.json')
    // Unusable metadata lists no scope. The request itself has been verified already.
    if (metadata instanceof Refusal) return metadata.code === 'issuer_unavailable' ? metadata : []
    const list = metadata['scopes_supported']
    return Array.isArray(list) ? list : []
  }

  const admitIdentity = async (
    names: readonly string[],
    ps: string,
  ): Promise<readonly string[] | Refusal> => {
    const listed = await supported(ps)
    if (listed instanceof Refusal) return listed
    return names.filter((name) => isOwn(name) || (isIdentity(name) && listed.includes(name)))
  }

  return {
    isOwn,
    isIdentity,
    admit: (names, ps) => (names.some(isIdentity) ? admitIdentity(names, ps) : names.filter(isOwn)),
  }
}
