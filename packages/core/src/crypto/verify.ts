import type { KeyObject } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { Refusal } from '../errors.js'
import type { VerificationKey } from './keys.js'
import { Pool } from './pool.js'
import { Rows, type VerifyNow } from './rows.js'

/**
 * Verifies an Ed25519 signature (RFC 8032, 5.1.7) instead of `node:crypto`. It must refuse what RFC 8032 refuses,
 * including points of small order and non-canonical encodings. An exception is answered with `500` and never passes.
 *
 * @param publicKey 32 bytes
 * @param signature 64 bytes
 */
export type Ed25519Verifier = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** How signatures are verified. */
export interface CryptoOptions {
  /**
   * Where signatures are verified. `sync`: in the event loop, right for one process per core. `threads`: by
   * `node:crypto` in the thread pool, however long that takes. `auto` (default): in the event loop while requests
   * come one by one, and in the thread pool by `node:crypto` when several are in flight. When the application keeps
   * the pool busy, so that it is late (50 ms, and half a millisecond for each verification that waits there), `auto`
   * goes back to the event loop. On a single processor `auto` stays in the event loop, and verifies in a row what
   * came together.
   */
  readonly mode?: 'auto' | 'sync' | 'threads' | undefined
  /**
   * How many verifications may wait for the thread pool. Further requests are answered `503` with `Retry-After`,
   * because an endless queue only leads to timeouts. Default 1024, about a tenth of a second of two threads.
   */
  readonly maxWaiting?: number | undefined
  /**
   * What verifies Ed25519 in the event loop. Default: libsodium if `sodium-native` is installed, otherwise
   * `node:crypto`; the event `verifier` and `health()` say which. `false`: only `node:crypto`. A function: that
   * function, in the event loop whatever the mode.
   */
  readonly ed25519?: Ed25519Verifier | false | undefined
}

/** What a server finds out about its machine. */
export interface Surroundings {
  /** Processors that this process may use. */
  readonly cores: number
  /** libsodium, where it is installed. */
  readonly sodium: Ed25519Verifier | undefined
}

/** How a server verifies signatures, from its options and its {@link Surroundings}. */
export interface CryptoHealth {
  /** What verifies Ed25519 in the event loop; `option`: the function that the option names. */
  readonly ed25519: 'node:crypto' | 'libsodium' | 'option'
  /** Where signatures of Ed25519 are verified: `both`, as `crypto.mode` `auto` has it. */
  readonly where: 'loop' | 'threads' | 'both'
  /** Processors that this process may use. */
  readonly cores: number
}

/**
 * Verifies a signature with a key, at once or in the thread pool; `overloaded` when too many verifications wait
 * there. Only this function decides where a verification runs.
 */
export type Verify = (
  key: VerificationKey,
  data: Uint8Array,
  signature: Uint8Array,
) => Awaitable<boolean | Refusal>

/** When nothing is known about the machine. */
const nowhere: Surroundings = { cores: Number.POSITIVE_INFINITY, sodium: undefined }

/** How signatures will be verified. */
export function cryptoHealth(options: CryptoOptions, { cores, sodium }: Surroundings): CryptoHealth {
  const { mode = 'auto', ed25519 } = options
  if (typeof ed25519 === 'function') return { ed25519: 'option', where: 'loop', cores }
  const isSodium = ed25519 !== false && sodium !== undefined && mode !== 'threads'
  const where = mode === 'threads' ? mode : mode === 'sync' || cores === 1 ? 'loop' : 'both'
  return { ed25519: isSodium ? 'libsodium' : 'node:crypto', where, cores }
}

/** Creates the {@link Verify} of a server. */
export function createVerify(options: CryptoOptions = {}, surroundings: Surroundings = nowhere): Verify {
  const { ed25519 } = options
  const verifyNow = inLoopBy(ed25519 === undefined ? surroundings.sodium : ed25519)
  const schedule = createSchedule(options, surroundings, verifyNow)
  return (key, data, signature) => {
    const { algorithm } = key
    if (signature.length !== algorithm.signatureBytes) return false
    return typeof ed25519 === 'function' && algorithm.name === 'Ed25519'
      ? verifyNow(key, data, signature)
      : schedule(key, data, signature)
  }
}

/**
 * A verification blocks the loop for an eighth of a millisecond, which does not matter while requests come one by
 * one; the thread pool costs a hop each way. With a second request in the same turn of the loop, the hop is cheaper:
 * the pool works while the loop reads, and tail latency halves. Figures are in docs/performance.md.
 */
function createSchedule(
  { mode = 'auto', maxWaiting = 1024 }: CryptoOptions,
  { cores }: Surroundings,
  verifyNow: VerifyNow,
): Verify {
  if (mode === 'sync') return verifyNow
  if (mode === 'threads') return createThreads(maxWaiting)
  const turn = new Turn()
  if (cores === 1) {
    const rows = new Rows(verifyNow)
    return (key, data, signature) => {
      if (rows.waiting === 0 && turn.isFirst()) return verifyNow(key, data, signature)
      return rows.waiting < maxWaiting ? rows.verify(key, data, signature) : overloaded()
    }
  }
  const pool = new Pool(verifyNow)
  return (key, data, signature) => {
    if ((pool.waiting === 0 && turn.isFirst()) || pool.isLate(key, data, signature)) {
      return verifyNow(key, data, signature)
    }
    return pool.waiting < maxWaiting ? pool.verify(key, data, signature) : overloaded()
  }
}

/** Verifies in the event loop, Ed25519 with this function if there is one. */
function inLoopBy(ed25519: Ed25519Verifier | false | undefined): VerifyNow {
  if (ed25519 === undefined || ed25519 === false) return inLoop
  return (key, data, signature) =>
    key.algorithm.name === 'Ed25519'
      ? ed25519(rawPublicKey(key.key), data, signature) === true
      : inLoop(key, data, signature)
}

const inLoop: VerifyNow = ({ algorithm, key }, data, signature) => algorithm.verify(key, data, signature)

const overloaded = (): Refusal => new Refusal('overloaded', { retryAfter: 1 })

/** With `threads`, nothing is verified in the loop, however long the pool takes. */
function createThreads(maxWaiting: number): Verify {
  let waiting = 0
  return ({ algorithm, key }, data, signature) => {
    if (waiting >= maxWaiting) return overloaded()
    waiting++
    return new Promise((resolve) => {
      algorithm.verifyLater(key, data, signature, (valid) => {
        waiting--
        resolve(valid)
      })
    })
  }
}

/** Distinguishes the first verification in a turn of the event loop from those that follow. */
class Turn {
  #taken = false

  /** Whether this is the first call in this turn. */
  isFirst(): boolean {
    if (this.#taken) return false
    this.#taken = true
    setImmediate(this.#end)
    return true
  }

  readonly #end = (): void => {
    this.#taken = false
  }
}

// Exported once for each key: exporting costs a tenth of a verification.
const rawKeys = new WeakMap<KeyObject, Uint8Array>()

function rawPublicKey(key: KeyObject): Uint8Array {
  const known = rawKeys.get(key)
  if (known !== undefined) return known
  // A copy, because a Buffer of 32 bytes would keep the 8 KiB that it is a part of.
  const raw = new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url'))
  rawKeys.set(key, raw)
  return raw
}
