import { pbkdf2 } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { quantile } from '../statistics.js'

// The application's own work in the thread pool, in the process of the server under test.

/** Milliseconds waited, and the number of calls. */
interface Waits {
  readonly p50: number
  readonly p99: number
  readonly count: number
}

const file = fileURLToPath(import.meta.url)
const page = Buffer.alloc(16_384, 'bread and butter, ')
const hash = promisify(pbkdf2)
const press = promisify(deflate)

const kinds = {
  readFile: () => readFile(file),
  lookup: () => lookup('localhost'),
  deflate: () => press(page),
  // A few milliseconds each, like password hashes.
  pbkdf2: () => hash('password', 'salt', 10_000, 32, 'sha256'),
} as const

/** The kinds of work. */
export const workKinds = Object.keys(kinds) as readonly WorkKind[]
type WorkKind = keyof typeof kinds
export type Work = Readonly<Record<WorkKind, Waits>>

/**
 * Starts one piece of each kind, and the next when it is done. @returns a function for the waiting times since its
 * last call
 */
export function startWork(): () => Work {
  const waits: Record<WorkKind, number[]> = { readFile: [], lookup: [], deflate: [], pbkdf2: [] }
  const run = async (kind: WorkKind): Promise<never> => {
    for (;;) {
      const began = performance.now()
      await kinds[kind]()
      waits[kind].push(performance.now() - began)
    }
  }
  for (const kind of workKinds) void run(kind)
  return () => {
    const take = (kind: WorkKind): Waits => {
      const taken = waits[kind]
      waits[kind] = []
      return { p50: quantile(taken, 0.5), p99: quantile(taken, 0.99), count: taken.length }
    }
    return {
      readFile: take('readFile'),
      lookup: take('lookup'),
      deflate: take('deflate'),
      pbkdf2: take('pbkdf2'),
    }
  }
}
