import type { Fault } from '../checks/fault.js'
import type { LedgerEntry } from '../ledger.js'
import type { TownRequest } from '../wire/request.js'
import type { AgentContext, AgentSignOptions } from './context.js'
import { AgentGaveUp, type GaveUpCode } from './gave-up.js'

const defaultMaxSteps = 30

/** The requests that one `fetch` of an agent makes: counted and bounded, so that no resource can keep an agent busy for ever. */
export class FetchSteps {
  readonly agent: AgentContext
  readonly #steps: LedgerEntry[] = []

  constructor(agent: AgentContext) {
    this.agent = agent
  }

  /** Signs and sends one request. */
  async send(request: TownRequest, options: AgentSignOptions): Promise<Response> {
    if (this.#steps.length >= (this.agent.options.maxSteps ?? defaultMaxSteps)) {
      throw this.gaveUp('too_many_steps', `${this.#steps.length} requests and still not done`)
    }
    const wire = await this.agent.sign(request, options)
    try {
      const { response, entry } = await this.agent.env.exchange(this.agent.name, wire)
      this.#steps.push(entry)
      return response
    } catch (error) {
      throw this.gaveUp('unreachable', error instanceof Error ? error.message : String(error))
    }
  }

  /** The error for an answer in which another server refused; its `error` member is the code. */
  async refused(response: Response): Promise<AgentGaveUp> {
    const body: unknown = await response
      .clone()
      .json()
      .catch(() => undefined)
    const { error, detail } = (body ?? {}) as { error?: unknown; detail?: unknown }
    const code = typeof error === 'string' ? error : `http_${response.status}`
    const { host } = new URL(response.url)
    return this.gaveUp(
      code,
      `${host} answered ${response.status}${typeof detail === 'string' ? `, ${detail}` : ''}`,
      response,
    )
  }

  /** The error for a token that failed a check of the agent. */
  bad(code: GaveUpCode, fault: Fault): AgentGaveUp {
    return this.gaveUp(code, fault.detail)
  }

  /** The error with which the `fetch` ends, with the requests so far. */
  gaveUp(code: GaveUpCode | (string & {}), detail: string, response?: Response): AgentGaveUp {
    return new AgentGaveUp(code, detail, [...this.#steps], response)
  }
}
