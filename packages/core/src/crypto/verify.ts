import type { KeyObject } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { Refusal } from '../errors.js'
import type { VerificationKey } from './keys.js'
import { Pool } from './pool.js'
import { Rows, type VerifyNow } from './rows.js'

/**
 * Verifies an Ed25519 signature (RFC 8032, 5.1.7) in place of `node:crypto`. It must refuse what RFC 8032 refuses, points
 * of small order and encodings that are not canonical included. An exception is answered with `500`, never a pass.
 *
 * @param publicKey 32 bytes
 * @param signature 64 bytes
 */
export type Ed25519Verifier = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** How signatures are verified. */
export interface CryptoOptions {
  /**
   * Where signatures are verified. `sync`: in the event loop, which is right for one process a core. `threads`: by
   * `node:crypto` in the thread pool, however long that takes. `auto`, the default: in the event loop while requests come one
   * by one; as soon as several are in flight, in the thread pool by `node:crypto`, and in the event loop again when the pool
   * is late (50 ms, and half a millisecond for each verification that waits there), because the application keeps it busy.
   * Where the process has but one processor, `auto` stays in the event loop, and verifies what came together in a row.
   */
  readonly mode?: 'auto' | 'sync' | 'threads' | undefined
  /**
   * Verifications that may wait for the thread pool; a request beyond is answered `503` with `Retry-After`, since a
   * queue without end only turns into timeouts. Default 1024, about a tenth of a second of two threads.
   */
  readonly maxWaiting?: number | undefined
  /**
   * What verifies Ed25519 in the event loop. Default: libsodium where `sodium-native` is installed, and `node:crypto`
   * otherwise; the event `verifier` and `health()` say which. `false`: `node:crypto` alone. A function: that, in the event
   * loop whatever the mode.
   */
  readonly ed25519?: Ed25519Verifier | false | undefined
}

/** What a server finds where it runs. */
export interface Surroundings {
  /** Processors that this process may use. */
  readonly cores: number
  /** libsodium, where it is installed. */
  readonly sodium: Ed25519Verifier | undefined
}

/** How the signatures of a server are verified: what came of its options and its {@link Surroundings}. */
export interface CryptoHealth {
  /** What verifies Ed25519 in the event loop; `option`: the function that the option names. */
  readonly ed25519: 'node:crypto' | 'libsodium' | 'option'
  /** Where signatures of Ed25519 are verified: `both`, as `crypto.mode` `auto` has it. */
  readonly where: 'loop' | 'threads' | 'both'
  /** Processors that this process may use. */
  readonly cores: number
}

/**
 * Verifies a signature with a key, at once or in the thread pool; `overloaded` when too many verifications wait there. The
 * one place that decides where a verification runs.
 */
export type Verify = (
  key: VerificationKey,
  data: Uint8Array,
  signature: Uint8Array,
) => Awaitable<boolean | Refusal>

/** Nothing is known of where it runs. */
const nowhere: Surroundings = { cores: Number.POSITIVE_INFINITY, sodium: undefined }

/** Says how signatures will be verified. */
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
 * A verification blocks the loop for an eighth of a millisecond, which hurts nobody while requests come one by one, and
 * the thread pool costs a hop each way. Once a second request is there in the same turn of the loop, the hop is the
 * cheaper part: the pool works on while the loop reads, and latency at the tail halves. docs/performance.md has figures.
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

/** Verifies in the event loop, Ed25519 by this function where there is one. */
function inLoopBy(ed25519: Ed25519Verifier | false | undefined): VerifyNow {
  if (ed25519 === undefined || ed25519 === false) return inLoop
  return (key, data, signature) =>
    key.algorithm.name === 'Ed25519'
      ? ed25519(rawPublicKey(key.key), data, signature) === true
      : inLoop(key, data, signature)
}

const inLoop: VerifyNow = ({ algorithm, key }, data, signature) => algorithm.verify(key, data, signature)

const overloaded = (): Refusal => new Refusal('overloaded', { retryAfter: 1 })

/** Whoever says `threads` wants nothing in the loop, and waits as long as the pool takes. */
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

/** Tells the first verification in a turn of the event loop from those that follow. */
class Turn {
  #taken = false

  /** Whether nobody has asked yet in this turn. */
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

// Asked for once a key: exporting costs a tenth of a verification.
const rawKeys = new WeakMap<KeyObject, Uint8Array>()

function rawPublicKey(key: KeyObject): Uint8Array {
  const known = rawKeys.get(key)
  if (known !== undefined) return known
  // A copy, since a Buffer of 32 bytes would keep the 8 KiB that it is a part of.
  const raw = new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url'))
  rawKeys.set(key, raw)
  return raw
}
