import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { VerificationKey } from '../crypto/keys.js'

interface Underway<T> {
  readonly key: VerificationKey
  readonly valid: Promise<T>
  /** Resolves when the verification has ended, whatever its result. */
  readonly ended: Promise<void>
}

/**
 * The verifications of token signatures that wait for a thread or in a queue, one for each token. When an agent sends
 * several requests at once before its token is remembered, only one of them has it verified. At most
 * `crypto.maxWaiting` are held.
 */
export class TokenVerifications<T> {
  readonly #underway = new Map<string, Underway<T>>()

  /**
   * Resolves when the verification of the token with this digest has ended; `undefined` if there is none. Never
   * rejects.
   */
  endOf(digest: string): Promise<void> | undefined {
    return this.#underway.get(digest)?.ended
  }

  /** The result of `verify`, or of the same verification with the same key if one is running. */
  run(digest: string, key: VerificationKey, verify: () => Awaitable<T>): Awaitable<T> {
    const other = this.#underway.get(digest)
    if (other?.key === key) return other.valid
    const valid = verify()
    // With another key, which the issuer has published meanwhile: neither waits for the other.
    if (!isPromiseLike(valid) || other !== undefined) return valid
    const end = (): void => void this.#underway.delete(digest)
    this.#underway.set(digest, { key, valid, ended: valid.then(end, end) })
    return valid
  }
}
