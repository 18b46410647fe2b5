import type { AuditSink } from '@countersign/core/audit'
import type { IORedisClient, NodeRedisClient } from './clients.js'

/** Options of {@link createRedisAuditSink}. */
export interface RedisAuditSinkOptions {
  /** The key of the stream. Default `countersign:audit`. Each resource needs its own. */
  readonly stream?: string
  /** The number of latest entries that are kept. Default 1 000 000. */
  readonly entries?: number
  /** Days after which an entry and its evidence are deleted. Default 90. */
  readonly days?: number
  /** Milliseconds that Redis has to store a batch. Default 2000. */
  readonly timeout?: number
}

/** A sink in Redis, made by {@link createRedisAuditSink}. */
export interface RedisAuditSink extends AuditSink {
  erase(
    choose: (line: string) => boolean,
    announce: (lines: readonly string[]) => Promise<void>,
  ): Promise<number>
  /**
   * The stored lines, each with its line break. Written to a file, they are input for `verifyAuditLog` and
   * `auditTrail`. Rejects when Redis gives no answer in time.
   */
  read(): AsyncIterable<string>
}

/** Runs a script, with a client of `redis` 5 or 6, or of `ioredis`. */
type Run = (script: string, keys: readonly string[], values: readonly string[]) => Promise<unknown>

/**
 * A sink of an audit log in Redis or Valkey. A stream has an entry for each record and each signed statement. The
 * erasable part of a record is in a hash, under the ID of the entry, so that `erase` deletes it and the chain still
 * verifies, as in files. The durability depends on the server's `appendfsync`. The server's own files, backups and
 * replicas lose the erased data when they are next rewritten.
 *
 * Entries that are too old or too many are deleted when others are added. Each batch has a name and is one command,
 * so that one whose answer was late is not stored twice.
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
): RedisAuditSink {
  const { stream = 'countersign:audit', entries = 1_000_000, days = 90, timeout = 2000 } = options
  const run = runnerOf(client)
  if (run === undefined) throw new TypeError('client: must be a client of redis 5 or 6, or of ioredis')
  if (typeof stream !== 'string' || !/^[\x21-\x7a|~]{1,128}$/.test(stream))
    throw new TypeError(
      'option stream: must be at most 128 printable ASCII characters without spaces and braces',
    )
  if (!Number.isSafeInteger(entries) || entries < 1)
    throw new TypeError('option entries: must be a positive whole number')
  if (!Number.isInteger(days) || days < 1 || days > 36_500)
    throw new TypeError('option days: must be a whole number of days from 1 to 36 500')
  if (!Number.isInteger(timeout) || timeout < 1)
    throw new TypeError('option timeout: must be a positive whole number of milliseconds')
  return new StreamSink(run, { stream, entries, days, timeout })
}

// Adds all lines, or none if the batch is stored already: its name is a key in the same slot as the stream, set once
// all lines are stored. If a line cannot be added, because of an ACL or because a key has another type, none is. Then
// it deletes entries that are too many or too old, in steps, so that other clients need not wait. When nobody adds
// entries any more, the keys expire.
const add = `
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local added = {}
local function run(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    for _, id in ipairs(added) do
      redis.pcall('XDEL', KEYS[1], id)
      redis.pcall('HDEL', KEYS[2], id)
    end
    error((string.gsub(reply.err, '^ERR ', '')), 0)
  end
  return reply
end
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then added[#added + 1] = run('XADD', KEYS[1], '*', 'line', ARGV[i])
  else
    local id = run('XADD', KEYS[1], '*', 'line', ARGV[i], 'p', '')
    added[#added + 1] = id
    run('HSET', KEYS[2], id, ARGV[i + 1])
  end
end
run('SET', KEYS[3], '', 'PX', 86400000)
local function take(entries)
  local ids = {}
  for i, entry in ipairs(entries) do ids[i] = entry[1] end
  if #ids == 0 then return end
  redis.call('XDEL', KEYS[1], unpack(ids))
  redis.call('HDEL', KEYS[2], unpack(ids))
end
local over = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
local step = #ARGV + 1000
while over > 0 and step > 0 do
  local count = math.min(over, step, 1000)
  take(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', count))
  over = over - count
  step = step - count
end
local now = redis.call('TIME')
local oldest = string.format('%.0f', tonumber(now[1]) * 1000 - tonumber(ARGV[2]))
take(redis.call('XRANGE', KEYS[1], '-', '(' .. oldest .. '-0', 'COUNT', 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1`

// A page of entries: the ID of each, its line, and its erasable part.
const page = `
local found = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', 200)) do
  local p = ''
  if entry[2][3] then p = redis.call('HGET', KEYS[2], entry[1]) or 'null' end
  found[#found + 1] = entry[1]
  found[#found + 1] = entry[2][2]
  found[#found + 1] = p
end
return found`

const last = `
local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return entry and entry[1] or ''`

const take = `return redis.call('HDEL', KEYS[2], unpack(ARGV))`

interface Entry {
  readonly name: string
  readonly line: string
  readonly isErasable: boolean
}

class StreamSink implements RedisAuditSink {
  readonly #run: Run
  readonly #options: Required<RedisAuditSinkOptions>
  readonly #keys: readonly [string, string]
  readonly #names = new WeakMap<Uint8Array, string>()

  constructor(run: Run, options: Required<RedisAuditSinkOptions>) {
    this.#run = run
    this.#options = options
    this.#keys = [options.stream, `{${options.stream}}:evidence`]
  }

  async append(lines: Uint8Array): Promise<void> {
    const name = this.#names.get(lines) ?? crypto.randomUUID()
    this.#names.set(lines, name)
    await this.#add(name, Buffer.from(lines).toString('utf8').split('\n').slice(0, -1))
  }

  async state(statement: string): Promise<void> {
    await this.#add(crypto.randomUUID(), [statement])
  }

  async erase(
    choose: (line: string) => boolean,
    announce: (lines: readonly string[]) => Promise<void>,
  ): Promise<number> {
    let erased = 0
    for await (const entries of this.#pages()) {
      const chosen = entries.filter(({ line, isErasable }) => isErasable && choose(line))
      if (chosen.length === 0) continue
      await announce(chosen.map(({ line }) => line))
      erased += Number(
        await this.#ask(
          take,
          chosen.map(({ name }) => name),
        ),
      )
    }
    return erased
  }

  async *read(): AsyncGenerator<string> {
    for await (const entries of this.#pages()) for (const { line } of entries) yield `${line}\n`
  }

  /** The entries that exist at the start; others may be added meanwhile. */
  async *#pages(): AsyncGenerator<readonly Entry[]> {
    const end = String(await this.#ask(last, []))
    for (let from = '-'; end !== ''; ) {
      const found = (await this.#ask(page, [from, end])) as readonly string[]
      const entries: Entry[] = []
      for (let i = 0; i + 2 < found.length; i += 3) {
        const [name, line, p] = found.slice(i, i + 3) as [string, string, string]
        entries.push({ name, line: p === '' ? line : joined(line, p), isErasable: p !== '' && p !== 'null' })
      }
      const next = entries.at(-1)
      if (next === undefined) return
      yield entries
      from = `(${next.name}`
    }
  }

  async #add(name: string, lines: readonly string[]): Promise<void> {
    const { stream, entries, days } = this.#options
    const values = [String(entries), String(days * 86_400_000), ...lines.flatMap(parted)]
    await this.#ask(add, values, `{${stream}}:${name}`)
  }

  async #ask(script: string, values: readonly string[], ...more: readonly string[]): Promise<unknown> {
    const { timeout } = this.#options
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = `Redis gave no answer within ${timeout} ms`
      timer = setTimeout(() => reject(new Error(message)), timeout)
      timer.unref()
    })
    try {
      return await Promise.race([this.#run(script, [...this.#keys, ...more], values), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

// A line is `{"r":…}` or `{"r":…,"p":…}`, and no member of a record is named `p`.
const between = ',"p":'

/** A line without its erasable part, and that part. */
function parted(line: string): readonly [string, string] {
  const at = line.startsWith('{"r":') ? line.indexOf(between) : -1
  return at === -1 ? [line, ''] : [`${line.slice(0, at)}}`, line.slice(at + between.length, -1)]
}

const joined = (line: string, p: string): string => `${line.slice(0, -1)}${between}${p}}`

function runnerOf(client: unknown): Run | undefined {
  if (typeof client !== 'object' || client === null) return undefined
  const { eval: evaluate, isOpen, status } = client as Readonly<Record<string, unknown>>
  if (typeof evaluate !== 'function') return undefined
  const call = evaluate as (...args: readonly unknown[]) => unknown
  if (typeof isOpen === 'boolean')
    return async (script, keys, values) => call.call(client, script, { keys, arguments: values })
  if (typeof status === 'string')
    return async (script, keys, values) => call.call(client, script, keys.length, ...keys, ...values)
  return undefined
}
