import { StoreFullError } from '@countersign/core'
import type { Commands } from './clients.js'

/** Sends commands, each with a timeout. Without a connection it sends none. */
export class Sender {
  readonly #commands: Commands
  readonly #timeout: number
  readonly #absence: () => Error
  #mayReadMany = true

  /**
   * @param timeout milliseconds that a command may take
   * @param absence the error while there is no connection
   */
  constructor(commands: Commands, timeout: number, absence: () => Error) {
    this.#commands = commands
    this.#timeout = timeout
    this.#absence = absence
  }

  get isReady(): boolean {
    return this.#commands.ready()
  }

  /** Reads keys. The last one is read last. */
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

  /** Runs `command`, which may send several commands. */
  send<T>(command: (commands: Commands) => Promise<T>): Promise<T> {
    if (!this.#commands.ready()) return Promise.reject(this.#absence())
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`Redis gave no answer within ${this.#timeout} ms`))
      const timer = setTimeout(late, this.#timeout)
      // With fake timers it may be anything.
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
 * Reads each key with its own command, all sent together. A cluster may have some of them sent again to another node.
 * Then the last key, the epoch, is read again after them: it says whether Redis still had its data when the others
 * were read.
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

/** The text of a reply; `undefined` if there is none. */
export function textOf(reply: unknown): string | undefined {
  if (reply === null || reply === undefined) return undefined
  // A client whose type mapping returns buffers.
  return typeof reply === 'string' ? reply : Buffer.from(reply as Uint8Array).toString('utf8')
}

/** Whether a conditional write was made. */
export const isSet = (reply: unknown): boolean => reply !== null && reply !== undefined
