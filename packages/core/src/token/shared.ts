import { LRUCache } from 'lru-cache'
import type { CommonClaims } from './claims.js'

// Keeps one copy of texts that many tokens share, instead of one for each token, which would be a third of a
// remembered token. Long texts are rarely shared.
const most = 1000
const longest = 256
const texts = new LRUCache<string, string>({ max: most })
const lists = new LRUCache<string, readonly string[]>({ max: most })

/** Claims that many tokens share: who issued them, for whom, and what they grant. */
const alike = ['iss', 'dwk', 'aud', 'ps', 'scope', 'tenant', 'mission_s256'] as const

/** Replaces texts by the shared copies, in claims that nobody else has seen yet. */
export function shareTexts(claims: CommonClaims): void {
  const own = claims as Record<string, unknown>
  for (const name of alike) {
    const text = own[name]
    if (typeof text === 'string') own[name] = share(texts, text, () => text)
  }
}

/** The names in a `scope` claim (RFC 6749, 3.3): one frozen list for all tokens with the same scope. */
export function scopeNames(scope: string): readonly string[] {
  return share(lists, scope, () => Object.freeze(scope.split(' ').filter((name) => name !== '')))
}

function share<T extends object | string>(cache: LRUCache<string, T>, text: string, make: () => T): T {
  const known = cache.get(text)
  if (known !== undefined) return known
  const made = make()
  if (text.length <= longest) cache.set(text, made)
  return made
}
