import { sendToLoopback, type WireRequest } from '@countersign/devkit'
import type { TrafficContext } from './crew.js'
import { counted } from './messages.js'

/** Requests by kind and by what came of each: one outcome for each request that was sent. */
export type Tally = Map<string, Map<string, number>>

/** Sends requests, and counts what came of them. */
export class Sender {
  readonly sent: Tally = new Map()
  /** What must not be; at most 50. */
  readonly wrong: string[] = []
  answered = 0
  vanished = 0
  /** Requests that carry the header by which they are counted. */
  sentInAll = 0
  readonly #context: Pick<TrafficContext, 'port' | 'isDown' | 'isRotating'>

  constructor(context: Pick<TrafficContext, 'port' | 'isDown' | 'isRotating'>) {
    this.#context = context
  }

  complain(what: string): void {
    if (this.wrong.length < 50) this.wrong.push(`${new Date().toISOString()} ${what}`)
  }

  note(kind: string, outcome: string): void {
    const outcomes = this.sent.get(kind) ?? new Map<string, number>()
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    this.sent.set(kind, outcomes)
  }

  /** Sends one request, which has one outcome. */
  async send(kind: string, request: WireRequest, right: readonly number[]): Promise<Response | undefined> {
    const [wasDown, wasRotating] = [this.#context.isDown(), this.#context.isRotating()]
    try {
      this.sentInAll++
      const rawHeaders = [...request.rawHeaders, counted, '1']
      const response = await sendToLoopback(this.#context.port, { ...request, rawHeaders })
      this.answered++
      this.note(kind, String(response.status))
      const isRight = right.includes(response.status)
      if (isRight) return response
      const isOutage = response.status === 503 && (wasDown || this.#context.isDown())
      const text = await response.clone().text()
      const isNew = (wasRotating || this.#context.isRotating()) && text.includes('"unknown_key"')
      if (!isOutage && !isNew) this.complain(`${kind}: ${response.status} ${text.slice(0, 300)}`)
      return response
    } catch (cause) {
      this.note(kind, 'no answer')
      this.complain(`${kind}: no answer: ${String(cause)}`)
      return undefined
    }
  }
}
