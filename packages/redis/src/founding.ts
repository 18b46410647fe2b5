import { randomUUID } from 'node:crypto'
import {
  accepted,
  begun,
  type EpochCommands,
  epochMilliseconds,
  epochName,
  everywhereName,
  lost,
  restoring,
} from './epoch-keys.js'

/**
 * Finds out whether the epochs of all parts of a cluster have been begun. If no part says so, it begins them and then
 * records that in each. So a part without an epoch has lost its data, which even a process that has never read from
 * it learns from the other parts.
 */
export class Founding {
  readonly #parts: readonly EpochCommands[]
  #asking: Promise<boolean> | undefined
  #isKnown = false

  /** @param parts the commands for each part */
  constructor(parts: readonly EpochCommands[]) {
    this.#parts = parts
  }

  /**
   * Asks once for all simultaneous callers, and never again once the answer is `true`.
   *
   * @returns `false` when they have not been begun, and some cannot be
   * @throws Error when no part says so, and some cannot be read
   */
  async hasBegun(): Promise<boolean> {
    if (this.#isKnown) return true
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    this.#isKnown = (await this.#asking) || this.#isKnown
    return this.#isKnown
  }

  async #ask(): Promise<boolean> {
    const answers = this.#parts.map(saysSo)
    // One is enough, however long the others take.
    if (await isAny(answers)) return true
    const settled = await Promise.allSettled(answers)
    const unanswered = settled.find((answer) => answer.status === 'rejected')
    if (unanswered !== undefined) throw unanswered.reason
    const claims = await Promise.allSettled(
      this.#parts.map((part) => part.claim(epochName, begun + randomUUID(), epochMilliseconds)),
    )
    if (claims.some(({ status }) => status === 'rejected')) return false
    // One of them is enough for later processes, and a process that fails to write any repeats it at its next start.
    await Promise.allSettled(this.#parts.map((part) => part.claim(everywhereName, '1', epochMilliseconds)))
    return true
  }
}

/** These states follow a loss, and a loss is only detected where an epoch had been begun. */
async function saysSo(part: EpochCommands): Promise<boolean> {
  const [said, epoch = ''] = await Promise.all([part.get(everywhereName), part.get(epochName)])
  return said !== undefined || [lost, restoring, accepted].some((state) => epoch.startsWith(state))
}

/** Resolves as soon as one answer is `true`. */
async function isAny(answers: readonly Promise<boolean>[]): Promise<boolean> {
  const yes = answers.map(async (answer) => {
    if (!(await answer)) throw new Error('it is not so')
  })
  return Promise.any(yes).then(
    () => true,
    () => false,
  )
}
