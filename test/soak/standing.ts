import type { Agent } from '@countersign/devkit'
import { resource } from '../target/start.js'
import type { Crew } from './crew.js'

/** The most of them that are looked at again. */
const most = 200

/** Callers that are denied, and tokens that are revoked. */
export class Standing {
  readonly #crew: Crew
  readonly #revoked: { readonly agent: Agent; readonly jwt: string }[] = []

  constructor(crew: Crew) {
    this.#crew = crew
  }

  async denied(): Promise<void> {
    const { town, order } = this.#crew.context
    const agent = town.agent(`denied-${this.#crew.next()}`)
    const url = `${resource}/agent`
    await this.#crew.sender.send('to be denied', await agent.sign({ url }), [200])
    await order({ do: 'deny', key: agent.key.jkt })
    await this.#crew.sender.send('denied', await agent.sign({ url }), [403])
    await order({ do: 'allow', key: agent.key.jkt })
    await this.#crew.sender.send('allowed', await agent.sign({ url }), [200])
  }

  async revoke(): Promise<void> {
    const { town } = this.#crew.context
    const agent = this.#crew.anybody()
    const jti = `revoked-${this.#crew.next()}`
    const jwt = await this.#crew.mint(agent, { jti })
    await this.#crew.sender.send(
      'to be revoked',
      await agent.sign({ url: `${resource}/data` }, { token: jwt }),
      [200],
    )
    const wasRotating = this.#crew.context.isRotating()
    const { outcome } = await town.ps.revoke(jti, this.#crew.seconds() + 3600, resource)
    this.#crew.sender.note('revocation', outcome)
    if (outcome !== 'recorded') {
      const isExcused = this.#crew.context.isDown() || wasRotating || this.#crew.context.isRotating()
      if (!isExcused) this.#crew.sender.complain(`revocation: ${outcome}`)
      return
    }
    await this.#crew.sender.send(
      'revoked',
      await agent.sign({ url: `${resource}/data` }, { token: jwt }),
      [401],
    )
    this.#revoked.push({ agent, jwt })
    if (this.#revoked.length > most) this.#revoked.shift()
  }

  /** What was revoked stays so, whatever has been restarted since. */
  async revokedBefore(): Promise<void> {
    if (this.#revoked.length === 0) return
    const { agent, jwt } = this.#crew.pick(this.#revoked)
    await this.#crew.sender.send(
      'revoked before',
      await agent.sign({ url: `${resource}/data` }, { token: jwt }),
      [401],
    )
  }
}
