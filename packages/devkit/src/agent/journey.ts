import type { Fault } from '../checks/fault.js'
import type { LedgerEntry } from '../ledger.js'
import type { TownRequest } from '../wire/request.js'
import type { AgentContext, AgentSignOptions } from './context.js'
import { AgentGaveUp, type GaveUpCode } from './gave-up.js'

const defaultMaxSteps = 30

/** The steps of one errand: counted, so that no resource can make an agent run in circles. */
export class Journey {
  readonly agent: AgentContext
  readonly #steps: LedgerEntry[] = []

  constructor(agent: AgentContext) {
    this.agent = agent
  }

  /** Signs and sends one request. */
  async step(request: TownRequest, options: AgentSignOptions): Promise<Response> {
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

  /** Another party refused: its `error` is the reason. */
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

  /** A token failed a check. */
  bad(code: GaveUpCode, fault: Fault): AgentGaveUp {
    return this.gaveUp(code, fault.detail)
  }

  gaveUp(code: GaveUpCode | (string & {}), detail: string, response?: Response): AgentGaveUp {
    return new AgentGaveUp(code, detail, [...this.#steps], response)
  }
}
