import type { KeyObject } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { Refusal } from '../errors.js'
import type { VerificationKey } from './keys.js'
import { Pool } from './pool.js'

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
   * Where `node:crypto` verifies. `sync`: in the event loop, which is right for one process a core. `threads`: in the
   * thread pool, however long that takes. `auto`, the default: in the event loop while requests come one by one, in the
   * thread pool as soon as several are in flight, and in the event loop again when the pool is late (50 ms, and half a
   * millisecond for each verification that waits there), because the application keeps it busy.
   */
  readonly mode?: 'auto' | 'sync' | 'threads' | undefined
  /**
   * Verifications that may wait for the thread pool; a request beyond is answered `503` with `Retry-After`, since a
   * queue without end only turns into timeouts. Default 1024, about a tenth of a second of two threads.
   */
  readonly maxWaiting?: number | undefined
  /** Verifies Ed25519 instead of `node:crypto`, in the event loop whatever the mode. */
  readonly ed25519?: Ed25519Verifier | undefined
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

/** Creates the {@link Verify} of a server. */
export function createVerify(options: CryptoOptions = {}): Verify {
  const { ed25519 } = options
  const schedule = createSchedule(options)
  return (key, data, signature) => {
    const { algorithm } = key
    if (signature.length !== algorithm.signatureBytes) return false
    return ed25519 !== undefined && algorithm.name === 'Ed25519'
      ? ed25519(rawPublicKey(key.key), data, signature) === true
      : schedule(key, data, signature)
  }
}

/**
 * A verification blocks the loop for an eighth of a millisecond, which hurts nobody while requests come one by one, and
 * the thread pool costs a hop each way. Once a second request is there in the same turn of the loop, the hop is the
 * cheaper part: the pool works on while the loop reads, and latency at the tail halves. docs/performance.md has figures.
 */
function createSchedule({ mode = 'auto', maxWaiting = 1024 }: CryptoOptions): Verify {
  if (mode === 'sync') return inLoop
  if (mode === 'threads') return createThreads(maxWaiting)
  const turn = new Turn()
  const pool = new Pool()
  return (key, data, signature) => {
    if ((pool.waiting === 0 && turn.isFirst()) || pool.isLate(key, data, signature)) {
      return inLoop(key, data, signature)
    }
    return pool.waiting < maxWaiting ? pool.verify(key, data, signature) : overloaded()
  }
}

const inLoop = ({ algorithm, key }: VerificationKey, data: Uint8Array, signature: Uint8Array): boolean =>
  algorithm.verify(key, data, signature)

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
