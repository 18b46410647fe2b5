import { hash, randomBytes } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, errors } from 'jose'
import type { Store } from '../store/store.js'
import type { SealingKeys } from './sealing-keys.js'
import type { SessionClaims } from './session.js'

/** Turns a session into a token68 and back. */
export interface SessionCodec {
  /** @param name the token, where it is but a name; whoever seals under the same name again writes nothing more */
  seal(claims: SessionClaims, name?: string): Promise<string>
  /** Lets go of a token that was replaced, after `seconds`, where anything is kept of it. */
  replaced(token: string, claims: SessionClaims, seconds: number): Promise<void>
  /** `undefined` for what we did not seal, or not with a secret we still have. Rejects only when the store fails. */
  open(token: string): Promise<SessionClaims | undefined>
}

// Longer than any header block that a server takes beside the signature.
const longestToken = 6144

/** Sessions inside their tokens: JWE, `dir` with A256GCM (RFC 7516; RFC 7518, 4.5 and 5.3). */
export function sealedSessions(keys: SealingKeys): SessionCodec {
  return {
    async seal(claims) {
      const { kid, secret } = await keys.current()
      const token = await new CompactEncrypt(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
        .encrypt(secret)
      if (token.length > longestToken)
        throw new TypeError("the session's data is too long for a token; use sessions: { keep: 'store' }")
      return token
    },
    replaced: async () => {},
    async open(token) {
      if (token.length > longestToken) return undefined
      try {
        const { plaintext } = await compactDecrypt(
          token,
          async ({ kid }) => {
            const secret = typeof kid === 'string' ? await keys.find(kid) : undefined
            if (secret === undefined) throw new errors.JWEDecryptionFailed()
            return secret
          },
          { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
        )
        return JSON.parse(Buffer.from(plaintext).toString('utf8')) as SessionClaims
      } catch (cause) {
        if (cause instanceof errors.JOSEError) return undefined
        throw cause
      }
    },
  }
}

/** Sessions in the store; the token is 256 random bits, and the store knows only its hash. */
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
