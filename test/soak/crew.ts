import type { Agent, Town } from '@countersign/devkit'
import { resource } from '../target/start.js'
import type { SoakOrder } from './messages.js'
import { Sender } from './sender.js'

/** What traffic needs of the rest. */
export interface TrafficContext {
  readonly town: Town
  readonly port: number
  /** From 0 to 1, the same for the same seed. */
  readonly random: () => number
  readonly order: (order: SoakOrder) => Promise<unknown>
  /** Whether the store is down, or has been until a moment ago: then `503` is right. */
  readonly isDown: () => boolean
  /** Whether an issuer has begun to sign with a new key less than a minute ago: then `unknown_key` is right. */
  readonly isRotating: () => boolean
}

const agents = 40

/** Who sends, with which tokens, and what all of them share. */
export class Crew {
  readonly context: TrafficContext
  readonly sender: Sender
  readonly #agents: readonly Agent[]
  readonly #grants = new Map<Agent, { readonly jwt: string; readonly at: number }>()
  #serial = 0

  constructor(context: TrafficContext) {
    this.context = context
    this.sender = new Sender(context)
    const { town } = context
    this.#agents = Array.from({ length: agents }, (_, n) =>
      town.agent(`agent-${n}`, { person: town.person(`person-${n % 10}`) }),
    )
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.context.random() * from.length)] as T
  }

  anybody(): Agent {
    return this.pick(this.#agents)
  }

  /** A number that nobody else has. */
  next(): number {
    return ++this.#serial
  }

  /** Of the town's time. */
  seconds(): number {
    return Math.floor(this.context.town.clock() / 1000)
  }

  /** A grant that is good for some minutes more; person servers rotate their keys meanwhile. */
  async tokenOf(agent: Agent): Promise<string> {
    const held = this.#grants.get(agent)
    const now = this.context.town.clock()
    if (held !== undefined && now - held.at < 120_000) return held.jwt
    const jwt = await this.mint(agent)
    this.#grants.set(agent, { jwt, at: now })
    return jwt
  }

  mint(agent: Agent, claims: object = {}): Promise<string> {
    const { town } = this.context
    const person = agent.person ?? town.person('nobody')
    return town.ps.mintAuthToken(
      { person, resource, cnf: agent.key.cnf, scope: 'data.read data.write' },
      { claims: { ...claims } },
    )
  }

  /** Of a person server that nobody knows. */
  mintStranger(agent: Agent, host: string): Promise<string> {
    const { town } = this.context
    const person = agent.person ?? town.person('nobody')
    return town.ps.mintPersonToken(
      { person, resource, cnf: agent.key.cnf },
      { claims: { iss: `https://${host}` } },
    )
  }
}
