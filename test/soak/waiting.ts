import type { Agent } from '@countersign/devkit'
import { resource } from '../target/start.js'
import { Visitor } from '../waiting/visitor.js'
import type { Crew } from './crew.js'

/** The most of them that are looked at again. */
const most = 200

/** Of two requests in one second the signatures differ by it. */
const ofQuery = ['@method', '@authority', '@path', '@query', 'signature-key']

/** Sessions that somebody approves, and calls that wait. */
export class Waiting {
  readonly #crew: Crew
  /** Held calls whose answer has come. */
  carriedOut = 0
  readonly #sessions: { readonly agent: Agent; readonly session: string }[] = []

  constructor(crew: Crew) {
    this.#crew = crew
  }

  async session(): Promise<void> {
    const { town } = this.#crew.context
    const agent = town.agent(`visitor-${this.#crew.next()}`, { person: town.person('mom') })
    const first = await this.#crew.sender.send(
      'session asked for',
      await agent.sign({ url: `${resource}/session?n=${this.#crew.next()}` }),
      [202],
    )
    const link = /url="([^"]+)".*code="([^"]+)"/.exec(first?.headers.get('aauth-requirement') ?? '')
    const pending = first?.headers.get('location')
    if (link === null || pending === null || pending === undefined) return
    const visitor = new Visitor(town)
    const page = await visitor.open(`${link[1]}?code=${link[2]}`)
    if (!page.text.includes('<form method="post"')) throw new Error(`the page answers ${page.status}`)
    await visitor.decide(page, 'approve')
    const done = await this.#crew.sender.send(
      'session begun',
      await agent.sign({ url: new URL(pending, resource).href }),
      [200],
    )
    const session = done?.headers.get('aauth-access')
    if (session === null || session === undefined) return
    this.#sessions.push({ agent, session })
    if (this.#sessions.length > most) this.#sessions.shift()
  }

  /** A session is not lost, whatever has been restarted since. */
  async inSession(): Promise<void> {
    if (this.#sessions.length === 0) return
    const { agent, session } = this.#crew.pick(this.#sessions)
    const headers = [['Authorization', `AAuth ${session}`]] as const
    await this.#crew.sender.send(
      'in session',
      await agent.sign({ url: `${resource}/session?n=${this.#crew.next()}`, headers }),
      [200],
    )
  }

  async held(): Promise<void> {
    const agent = this.#crew.anybody()
    const first = await this.#crew.sender.send(
      'held',
      await agent.sign(
        { method: 'POST', url: `${resource}/approved?n=${this.#crew.next()}` },
        { components: ofQuery },
      ),
      [202],
    )
    const location = first?.headers.get('location')
    if (location === null || location === undefined) return
    const url = new URL(location, resource).href
    for (let polls = 0; polls < 40; polls++) {
      const headers = [['Prefer', 'wait=1']] as const
      const answer = await this.#crew.sender.send('poll', await agent.sign({ url, headers }), [200, 202, 429])
      if (answer?.status === 200) this.carriedOut++
      if (answer === undefined || answer.status === 200) return
    }
    if (!this.#crew.context.isDown()) this.#crew.sender.complain('held: 40 polls, and no answer')
  }
}
