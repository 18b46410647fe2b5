import { type Commands, isPool } from './clients.js'

/** How replicas confirm writes. */
export interface Confirmation {
  /** Number of replicas that must have a write before it counts. */
  readonly replicas: number
  /** Milliseconds that they have for it. */
  readonly within: number
}

/** `multi()` of node-redis, described by the members used here. */
interface Multi {
  wait(replicas: number, milliseconds: number): Multi
  get(key: string): Multi
  execAsPipeline(): Promise<readonly unknown[]>
}

interface Pipelining {
  multi?(): Multi
  pipeline?(commands: readonly (readonly (string | number)[])[]): {
    exec(): Promise<readonly (readonly [Error | null, unknown])[] | null>
  }
}

// `WAIT` blocks its connection, including the reads of others. So it is sent with a short timeout, by one write at a
// time, and followed by another command after that timeout: Redis ends a `WAIT` only when it wakes up, by itself ten
// times a second.
const momentMs = 5
const pauseMs = 15
// A write without an answer blocks others for no longer.
const turnMs = 50

/**
 * The same commands, with writes that count only when enough replicas have them. After each write, `WAIT` and a read
 * of the written key are sent in one pipeline, until the replicas have it or the time is up. A client that lost its
 * connection in between sends them over the next one, where `WAIT` confirms whatever that server has, so the key must
 * have the value as well.
 *
 * `WAIT` covers the writes of its own connection, so there must be only one to each server, and no pool.
 *
 * @throws TypeError when the client cannot send commands in one pipeline, or is a pool
 */
export function confirmed(client: unknown, commands: Commands, { replicas, within }: Confirmation): Commands {
  const send = lookThrough(client, commands)
  const turns = new Turns()

  const look: Look = (key, replicas) =>
    turns.take(commands.nodeOf(key), async () => {
      const answer = send(key, replicas)
      const wake = setTimeout(() => void commands.get(key).catch(() => {}), momentMs + 1)
      return await answer.finally(() => clearTimeout(wake))
    })

  const conclude = async (key: string, value: string, ms: number): Promise<void> => {
    const deadline = performance.now() + within
    for (;;) {
      const [acknowledged, found] = await look(key, replicas)
      if (Number(acknowledged) >= replicas) {
        // An entry with a shorter lifetime than this may have expired.
        if (ms > within && (found === null || String(found) !== value)) {
          throw new Error('the write was lost: the connection or the primary has changed')
        }
        return
      }
      if (performance.now() + pauseMs > deadline) {
        throw new Error(`the write was confirmed by ${Number(acknowledged)} of ${replicas} replicas`)
      }
      await new Promise((resolve) => void (setTimeout(resolve, pauseMs) as Partial<NodeJS.Timeout>).unref?.())
    }
  }

  return {
    ...commands,
    async set(key, value, milliseconds) {
      const reply = await commands.set(key, value, milliseconds)
      await conclude(key, value, milliseconds)
      return reply
    },
    async setIfAbsent(key, value, milliseconds) {
      const reply = await commands.setIfAbsent(key, value, milliseconds)
      // If another process holds the key, nothing was written.
      if (reply !== null && reply !== undefined) await conclude(key, value, milliseconds)
      return reply
    },
  }
}

/** One task at a time for each node, in the order of arrival. */
class Turns {
  readonly #last = new Map<string, Promise<void>>()

  async take<T>(node: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(node)
    let end = (): void => {}
    const mine = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#last.set(node, mine)
    await before
    const late = setTimeout(end, turnMs) as Partial<NodeJS.Timeout>
    late.unref?.()
    try {
      return await work()
    } finally {
      clearTimeout(late as NodeJS.Timeout)
      end()
      if (this.#last.get(node) === mine) this.#last.delete(node)
    }
  }
}

type Look = (key: string, replicas: number) => Promise<readonly unknown[]>

/** `WAIT` and `GET` over one connection; in a cluster, that of the node that holds the key. */
function lookThrough(client: unknown, { library }: Commands): Look {
  const { multi, pipeline } = client as Pipelining
  if (library === 'ioredis' && pipeline !== undefined) {
    return async (key, replicas) => {
      const replies = await pipeline
        .call(client, [
          ['wait', replicas, momentMs],
          ['get', key],
        ])
        .exec()
      return (replies ?? []).map(([error, reply]) => {
        if (error !== null) throw error
        return reply
      })
    }
  }
  if (library === 'redis' && multi !== undefined && !isPool(client)) {
    return (key, replicas) => pipelined(multi.call(client).wait(replicas, momentMs).get(key))
  }
  throw new TypeError('option replicas: needs a client, cluster or sentinel, not a pool')
}

/** Rejects with the first error of a command, not with the one that only says that some failed. */
async function pipelined(multi: Multi): Promise<readonly unknown[]> {
  try {
    return await multi.execAsPipeline()
  } catch (cause) {
    const { replies } = cause as { readonly replies?: unknown }
    const first = Array.isArray(replies)
      ? replies.find((reply: unknown) => reply instanceof Error)
      : undefined
    throw first ?? cause
  }
}
