import type { AuditSink } from '@countersign/core/audit'
import type { IORedisClient, NodeRedisClient } from './clients.js'

/** Options of {@link createRedisAuditSink}. */
export interface RedisAuditSinkOptions {
  /** The key of the stream. Default `countersign:audit`. One for each resource. */
  readonly stream?: string
  /** About how many entries are kept (`MAXLEN ~`). Default 1 000 000. */
  readonly entries?: number
  /** Milliseconds that Redis has for a batch. Default 2000. */
  readonly timeout?: number
}

/** What sends any command: a client of `redis` 5 or 6, or of `ioredis`. */
type Send = (args: readonly [string, ...string[]]) => Promise<unknown>

/**
 * A sink of an audit log in a stream of Redis or Valkey: an entry for each record in the field `line`, and for each signed
 * statement. What is read from there, a line each, is what `verifyAuditLog` takes. How durable it is depends on the
 * server's `appendfsync`. Nothing can be erased from it: what is too old goes by `entries`.
 *
 * Each batch is numbered and goes in one command, so that one that got no answer in time is not there twice.
 *
 * @throws TypeError when the client is not of a supported library, or an option is malformed
 *
 * @example
 * ```ts
 * import { createAuditLog } from '@countersign/core/audit'
 * import { createRedisAuditSink } from '@countersign/redis'
 * import { createClient } from 'redis'
 *
 * const client = createClient({ url: 'redis://localhost:6379', disableOfflineQueue: true })
 * client.on('error', console.error)
 * await client.connect()
 * const audit = createAuditLog({ sink: createRedisAuditSink(client, { stream: 'notes:audit' }) })
 * ```
 */
export function createRedisAuditSink(
  client: NodeRedisClient | IORedisClient,
  options: RedisAuditSinkOptions = {},
): AuditSink {
  const { stream = 'countersign:audit', entries = 1_000_000, timeout = 2000 } = options
  const send = senderOf(client)
  if (send === undefined) throw new TypeError('client: must be a client of redis 5 or 6, or of ioredis')
  if (typeof stream !== 'string' || !/^[\x21-\x7a|~]{1,128}$/.test(stream))
    throw new TypeError(
      'option stream: must be at most 128 printable ASCII characters without spaces and braces',
    )
  if (!Number.isInteger(entries) || entries < 1)
    throw new TypeError('option entries: must be a positive whole number')
  if (!Number.isInteger(timeout) || timeout < 1)
    throw new TypeError('option timeout: must be a positive whole number of milliseconds')
  return new RedisAuditSink(send, stream, entries, timeout)
}

// Adds all lines, or none where the batch is there already: its name is kept beside the stream, in the same slot.
const script = `
if redis.call('SET', KEYS[2], '', 'NX', 'PX', 86400000) then
  for i = 2, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'line', ARGV[i]) end
end
return 1`

class RedisAuditSink implements AuditSink {
  readonly #send: Send
  readonly #stream: string
  readonly #entries: number
  readonly #timeout: number
  readonly #names = new WeakMap<Uint8Array, string>()

  constructor(send: Send, stream: string, entries: number, timeout: number) {
    this.#send = send
    this.#stream = stream
    this.#entries = entries
    this.#timeout = timeout
  }

  async append(lines: Uint8Array): Promise<void> {
    const name = this.#names.get(lines) ?? crypto.randomUUID()
    this.#names.set(lines, name)
    await this.#add(name, Buffer.from(lines).toString('utf8').split('\n').slice(0, -1))
  }

  async state(statement: string): Promise<void> {
    await this.#add(crypto.randomUUID(), [statement])
  }

  async #add(name: string, lines: readonly string[]): Promise<void> {
    const keys = [this.#stream, `{${this.#stream}}:${name}`]
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = `Redis gave no answer within ${this.#timeout} ms`
      timer = setTimeout(() => reject(new Error(message)), this.#timeout)
      timer.unref()
    })
    try {
      await Promise.race([this.#send(['EVAL', script, '2', ...keys, String(this.#entries), ...lines]), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function senderOf(client: unknown): Send | undefined {
  if (typeof client !== 'object' || client === null) return undefined
  const { sendCommand, call, isOpen, status } = client as Readonly<Record<string, unknown>>
  if (typeof isOpen === 'boolean' && typeof sendCommand === 'function')
    return async (args) => (sendCommand as (args: readonly string[]) => unknown).call(client, args)
  if (typeof status === 'string' && typeof call === 'function')
    return async (args) => (call as (...args: readonly string[]) => unknown).apply(client, [...args])
  return undefined
}
