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
 * Whether the epochs of all parts of a cluster have been begun; where no part says so, it begins them, and then says so in
 * each. So a part without an epoch has lost what it held, also to a process that has never read from it: the others tell.
 */
export class Founding {
  readonly #parts: readonly EpochCommands[]
  #asking: Promise<boolean> | undefined
  #isKnown = false

  /** @param parts what is sent to each */
  constructor(parts: readonly EpochCommands[]) {
    this.#parts = parts
  }

  /**
   * Asked once for all who want to know it at the same time, and never again when it is so.
   *
   * @returns `false` where they have not been, and some cannot be begun
   * @throws Error where no part says so, and some cannot be asked
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
    // One is enough, whatever the others take.
    if (await isAny(answers)) return true
    const settled = await Promise.allSettled(answers)
    const unanswered = settled.find((answer) => answer.status === 'rejected')
    if (unanswered !== undefined) throw unanswered.reason
    const claims = await Promise.allSettled(
      this.#parts.map((part) => part.claim(epochName, begun + randomUUID(), epochMilliseconds)),
    )
    if (claims.some(({ status }) => status === 'rejected')) return false
    // One of them is enough for those who ask later, and who writes none does it again at its next start.
    await Promise.allSettled(this.#parts.map((part) => part.claim(everywhereName, '1', epochMilliseconds)))
    return true
  }
}

/** A loss is only ever noticed of what had been begun. */
async function saysSo(part: EpochCommands): Promise<boolean> {
  const [said, epoch = ''] = await Promise.all([part.get(everywhereName), part.get(epochName)])
  return said !== undefined || [lost, restoring, accepted].some((state) => epoch.startsWith(state))
}

/** Resolves as soon as one is so. */
async function isAny(answers: readonly Promise<boolean>[]): Promise<boolean> {
  const yes = answers.map(async (answer) => {
    if (!(await answer)) throw new Error('it is not so')
  })
  return Promise.any(yes).then(
    () => true,
    () => false,
  )
}
