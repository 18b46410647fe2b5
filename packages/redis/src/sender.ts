import { StoreFullError } from '@countersign/core'
import type { Commands } from './clients.js'

/** Sends commands, each of which ends in time; none while there is no connection. */
export class Sender {
  readonly #commands: Commands
  readonly #timeout: number
  readonly #absence: () => Error
  #mayReadMany = true

  /**
   * @param timeout milliseconds that a command may take
   * @param absence why nothing is sent while there is no connection
   */
  constructor(commands: Commands, timeout: number, absence: () => Error) {
    this.#commands = commands
    this.#timeout = timeout
    this.#absence = absence
  }

  get isReady(): boolean {
    return this.#commands.ready()
  }

  /** What is named last is read last. */
  readMany(names: string[]): Promise<readonly unknown[]> {
    return this.send((commands) => {
      const { getMany } = commands
      if (!this.#mayReadMany || getMany === undefined) return readOneByOne(commands, names)
      return getMany(names).then(undefined, (cause: unknown) => {
        if (!(cause instanceof Error && cause.message.startsWith('NOPERM'))) throw cause
        this.#mayReadMany = false
        return readOneByOne(commands, names)
      })
    })
  }

  /** Runs `command`, which may send several. */
  send<T>(command: (commands: Commands) => Promise<T>): Promise<T> {
    if (!this.#commands.ready()) return Promise.reject(this.#absence())
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`Redis gave no answer within ${this.#timeout} ms`))
      const timer = setTimeout(late, this.#timeout)
      // Under timers that a test has put in place it may be anything.
      ;(timer as Partial<NodeJS.Timeout>).unref?.()
      const fail = (cause: unknown): void => {
        clearTimeout(timer)
        // `OOM command not allowed when used memory > 'maxmemory'`
        const full = cause instanceof Error && cause.message.startsWith('OOM')
        reject(full ? new StoreFullError('Redis is out of memory (maxmemory)', { cause }) : cause)
      }
      try {
        command(this.#commands).then((value) => {
          clearTimeout(timer)
          resolve(value)
        }, fail)
      } catch (cause) {
        fail(cause)
      }
    })
  }
}

/**
 * Commands over one key each, which a client sends together. A cluster may have some of them sent again elsewhere; then the
 * last one, which says whether the others were read of a Redis that had lost nothing, is read again after them.
 */
async function readOneByOne(commands: Commands, names: readonly string[]): Promise<readonly unknown[]> {
  let waiting = names.length
  const readings = names.map(async (name) => {
    const value = await commands.get(name)
    waiting--
    return { value, isLast: waiting === 0 }
  })
  const answers = await Promise.all(readings)
  const values = answers.map(({ value }) => value)
  const last = names.at(-1)
  if (last !== undefined && answers.at(-1)?.isLast === false)
    values[values.length - 1] = await commands.get(last)
  return values
}

/** The text of what was read; `undefined` where there is nothing. */
export function textOf(reply: unknown): string | undefined {
  if (reply === null || reply === undefined) return undefined
  // A client whose type mapping asks for buffers.
  return typeof reply === 'string' ? reply : Buffer.from(reply as Uint8Array).toString('utf8')
}

/** Whether a write that had a condition was made. */
export const isSet = (reply: unknown): boolean => reply !== null && reply !== undefined
