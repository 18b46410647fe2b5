import { resource } from '../target/start.js'
import type { Crew } from './crew.js'

/** Hosts of issuers that take long to answer nothing. */
export const slowHosts: readonly string[] = Array.from(
  { length: 80 },
  (_, n) => `ps-${n}.slow${n % 7}.example`,
)

/** Calls that are answered at once. */
export class Calls {
  readonly #crew: Crew

  constructor(crew: Crew) {
    this.#crew = crew
  }

  async grant(): Promise<void> {
    const agent = this.#crew.anybody()
    const token = await this.#crew.tokenOf(agent)
    await this.#crew.sender.send(
      'grant',
      await agent.sign({ url: `${resource}/data?n=${this.#crew.next()}` }, { token }),
      [200],
    )
  }

  async plain(path: string, right: readonly number[]): Promise<void> {
    const agent = this.#crew.anybody()
    await this.#crew.sender.send(
      path,
      await agent.sign({ url: `${resource}${path}?n=${this.#crew.next()}` }),
      right,
    )
  }

  async content(): Promise<void> {
    const agent = this.#crew.anybody()
    const token = await this.#crew.tokenOf(agent)
    const body = 'x'.repeat(Math.floor(this.#crew.context.random() * 20_000))
    await this.#crew.sender.send(
      'content',
      await agent.sign({ method: 'POST', url: `${resource}/data`, body }, { token }),
      [200],
    )
  }

  /** The same request twice: what the first used up the second finds used. */
  async twice(): Promise<void> {
    const agent = this.#crew.anybody()
    const token = await this.#crew.tokenOf(agent)
    const request = await agent.sign(
      { method: 'POST', url: `${resource}/data`, body: String(this.#crew.next()) },
      { token },
    )
    const first = await this.#crew.sender.send('once', request, [200])
    if (first?.status === 200) await this.#crew.sender.send('replayed', request, [401])
  }

  async nobody(): Promise<void> {
    const path = this.#crew.pick([
      '/data',
      '/agent',
      '/open',
      '/.well-known/aauth-resource.json',
      '/.well-known/jwks.json',
    ])
    const request = { method: 'GET', host: 'rs.example', target: path, rawHeaders: ['Host', 'rs.example'] }
    await this.#crew.sender.send('nobody', request, [path === '/data' || path === '/agent' ? 401 : 200])
  }

  async forged(): Promise<void> {
    const agent = this.#crew.anybody()
    const token = await this.#crew.tokenOf(agent)
    const { rawHeaders, ...rest } = await agent.sign({ url: `${resource}/data` }, { token })
    const broken = rawHeaders.map((value) =>
      value.startsWith('sig=:')
        ? `sig=:${Buffer.alloc(64, this.#crew.next() % 251).toString('base64')}:`
        : value,
    )
    await this.#crew.sender.send('forged', { ...rest, rawHeaders: broken }, [401])
  }

  async expired(): Promise<void> {
    const agent = this.#crew.anybody()
    const now = this.#crew.seconds()
    const token = await this.#crew.mint(agent, { iat: now - 3000, exp: now - 200 })
    await this.#crew.sender.send('expired', await agent.sign({ url: `${resource}/data` }, { token }), [401])
  }

  /** Of an issuer that nobody can reach. */
  async stranger(): Promise<void> {
    const agent = this.#crew.anybody()
    const token = await this.#crew.mintStranger(agent, `ps-${this.#crew.next()}.strangers.example`)
    await this.#crew.sender.send(
      'stranger',
      await agent.sign({ url: `${resource}/person` }, { token }),
      [401, 429, 503],
    )
  }

  /** Of issuers that all take long, more than are asked at once. */
  async crowd(): Promise<void> {
    const agent = this.#crew.anybody()
    const tokens = slowHosts.map((host) => this.#crew.mintStranger(agent, host))
    await Promise.all(
      tokens.map(async (token) => {
        const url = `${resource}/person?n=${this.#crew.next()}`
        await this.#crew.sender.send(
          'crowd',
          await agent.sign({ url }, { token: await token }),
          [401, 429, 503],
        )
      }),
    )
  }
}
