import { Calls } from './calls.js'
import { Crew, type TrafficContext } from './crew.js'
import { Drops } from './drops.js'
import type { Sender } from './sender.js'
import { Standing } from './standing.js'
import { Waiting } from './waiting.js'

/** The traffic of a soak: every kind of caller there is, one after the other in each of several lanes. */
export class Traffic {
  readonly #crew: Crew
  readonly #visits: {
    readonly calls: Calls
    readonly standing: Standing
    readonly waiting: Waiting
    readonly drops: Drops
  }

  constructor(context: TrafficContext) {
    const crew = new Crew(context)
    this.#crew = crew
    this.#visits = {
      calls: new Calls(crew),
      standing: new Standing(crew),
      waiting: new Waiting(crew),
      drops: new Drops(crew),
    }
  }

  /** What was sent, and what came of it. */
  get outcomes(): Sender {
    return this.#crew.sender
  }

  /** Held calls whose answer has come. */
  get carriedOut(): number {
    return this.#visits.waiting.carriedOut
  }

  /** One visit of somebody. Never rejects. */
  async once(): Promise<void> {
    const { calls, standing, waiting, drops } = this.#visits
    const kinds = [
      [30, 'grant', () => calls.grant()],
      [8, 'agent', () => calls.plain('/agent', [200])],
      [6, 'content', () => calls.content()],
      [6, 'once', () => calls.twice()],
      [8, 'nobody', () => calls.nobody()],
      [6, 'forged', () => calls.forged()],
      [3, 'expired', () => calls.expired()],
      [4, 'observed', () => calls.plain('/observed', [200])],
      [4, 'stranger', () => calls.stranger()],
      [1, 'crowd', () => calls.crowd()],
      [4, 'denied', () => standing.denied()],
      [4, 'revoked', () => standing.revoke()],
      [5, 'again', () => standing.revokedBefore()],
      [2, 'session', () => waiting.session()],
      [6, 'in session', () => waiting.inSession()],
      [5, 'held', () => waiting.held()],
      [3, 'slow', () => drops.slow(false)],
      [4, 'vanished', () => drops.slow(true)],
    ] as const
    const tickets = kinds.flatMap(([weight, ...kind]) => Array.from({ length: weight }, () => kind))
    const [name, visit] = this.#crew.pick(tickets)
    try {
      await visit()
    } catch (cause) {
      // What is put together of several steps may fail while the store is down.
      if (!this.#crew.context.isDown()) this.#crew.sender.complain(`${name}: ${String(cause)}`)
    }
  }
}
