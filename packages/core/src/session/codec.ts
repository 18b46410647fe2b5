import { hash, randomBytes } from 'node:crypto'
import { decryptJson, encryptJson } from '../crypto/encrypted-json.js'
import type { Store } from '../store/store.js'
import type { SealingKeys } from './sealing-keys.js'
import type { SessionClaims } from './session.js'

/** Makes the token of a session (token68), and reads it back. */
export interface SessionCodec {
  /**
   * Makes the token. @param name the token itself, if sessions are kept in the store; repeating a name changes
   * nothing
   */
  seal(claims: SessionClaims, name?: string): Promise<string>
  /** Keeps a replaced token for `seconds` more, if sessions are kept in the store. */
  replaced(token: string, claims: SessionClaims, seconds: number): Promise<void>
  /** Reads a token; `undefined` if it was not made here, or its secret is gone. Rejects only when the store fails. */
  open(token: string): Promise<SessionClaims | undefined>
}

// Longer than any header block that a server accepts beside the signature.
const longestToken = 6144

/** Sessions kept in their tokens, encrypted. */
export function sealedSessions(keys: SealingKeys): SessionCodec {
  return {
    async seal(claims) {
      const token = await encryptJson(claims, await keys.current())
      if (token.length > longestToken)
        throw new TypeError("the session's data is too long for a token; use sessions: { keep: 'store' }")
      return token
    },
    replaced: async () => {},
    async open(token) {
      if (token.length > longestToken) return undefined
      return (await decryptJson(token, (kid) => keys.find(kid))) as SessionClaims | undefined
    },
  }
}

/** Sessions kept in the store; the token is 256 random bits, and the store holds only its hash. */
export function storedSessions(store: Store, clock: () => number): SessionCodec {
  const key = (token: string): string => `session:${hash('sha256', token, 'base64url')}`
  return {
    async seal(claims, name) {
      const token = name ?? randomBytes(32).toString('base64url')
      const ttl = Math.max(1, Math.ceil((claims.exp - clock()) / 1000))
      await store.claim(key(token), JSON.stringify(claims), ttl)
      return token
    },
    async replaced(token, claims, seconds) {
      await store.put(key(token), JSON.stringify(claims), seconds)
    },
    async open(token) {
      const text = await store.get(key(token))
      return text === undefined ? undefined : (JSON.parse(text) as SessionClaims)
    },
  }
}
