import { connect } from 'node:net'
import { type Agent, sendToLoopback, type Town, type WireRequest } from '@countersign/devkit'
import { resource } from '../target/start.js'
import { Visitor } from '../waiting/visitor.js'
import { counted, type SoakOrder } from './messages.js'

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

/** Requests by kind and by what came of each: one outcome for each request that was sent. */
export type Tally = Map<string, Map<string, number>>

const agents = 40
/** The most revoked tokens, sessions that are looked at again. */
const most = 200

/** Of two requests in one second the signatures differ by it. */
const ofQuery = ['@method', '@authority', '@path', '@query', 'signature-key']

/** Hosts of issuers that take long to answer nothing. */
export const slowHosts: readonly string[] = Array.from(
  { length: 80 },
  (_, n) => `ps-${n}.slow${n % 7}.example`,
)

/** The traffic of a soak: every kind of caller there is, one after the other in each of several lanes. */
export class Traffic {
  readonly sent: Tally = new Map()
  /** What must not be; at most 50. */
  readonly wrong: string[] = []
  answered = 0
  vanished = 0
  /** Requests that carry the header by which they are counted. */
  sentInAll = 0
  /** Held calls whose answer has come. */
  carriedOut = 0
  readonly #context: TrafficContext
  readonly #agents: Agent[]
  readonly #grants = new Map<Agent, { readonly jwt: string; readonly at: number }>()
  readonly #revoked: { readonly agent: Agent; readonly jwt: string }[] = []
  readonly #sessions: { readonly agent: Agent; readonly session: string }[] = []
  #serial = 0

  constructor(context: TrafficContext) {
    this.#context = context
    const { town } = context
    this.#agents = Array.from({ length: agents }, (_, n) =>
      town.agent(`agent-${n}`, { person: town.person(`person-${n % 10}`) }),
    )
  }

  /** One visit of somebody. Never rejects. */
  async once(): Promise<void> {
    const kinds = [
      [30, 'grant', () => this.#grant()],
      [8, 'agent', () => this.#plain('/agent', [200])],
      [6, 'content', () => this.#content()],
      [6, 'once', () => this.#twice()],
      [8, 'nobody', () => this.#nobody()],
      [6, 'forged', () => this.#forged()],
      [3, 'expired', () => this.#expired()],
      [4, 'observed', () => this.#plain('/observed', [200])],
      [4, 'stranger', () => this.#stranger()],
      [1, 'crowd', () => this.#crowd()],
      [4, 'denied', () => this.#denied()],
      [4, 'revoked', () => this.#revoke()],
      [5, 'again', () => this.#revokedBefore()],
      [2, 'session', () => this.#session()],
      [6, 'in session', () => this.#inSession()],
      [5, 'held', () => this.#held()],
      [3, 'slow', () => this.#slow(false)],
      [4, 'vanished', () => this.#slow(true)],
    ] as const
    const tickets = kinds.flatMap(([weight, ...kind]) => Array.from({ length: weight }, () => kind))
    const [name, visit] = this.#pick(tickets)
    try {
      await visit()
    } catch (cause) {
      // What is put together of several steps may fail while the store is down.
      if (!this.#context.isDown()) this.#complain(`${name}: ${String(cause)}`)
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#context.random() * from.length)] as T
  }

  /** Of the town's time. */
  #seconds(): number {
    return Math.floor(this.#context.town.clock() / 1000)
  }

  #complain(what: string): void {
    if (this.wrong.length < 50) this.wrong.push(`${new Date().toISOString()} ${what}`)
  }

  #note(kind: string, outcome: string): void {
    const outcomes = this.sent.get(kind) ?? new Map<string, number>()
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    this.sent.set(kind, outcomes)
  }

  /** Sends one request, which has one outcome. */
  async #send(kind: string, request: WireRequest, right: readonly number[]): Promise<Response | undefined> {
    const [wasDown, wasRotating] = [this.#context.isDown(), this.#context.isRotating()]
    try {
      this.sentInAll++
      const rawHeaders = [...request.rawHeaders, counted, '1']
      const response = await sendToLoopback(this.#context.port, { ...request, rawHeaders })
      this.answered++
      this.#note(kind, String(response.status))
      const isRight = right.includes(response.status)
      if (isRight) return response
      const isOutage = response.status === 503 && (wasDown || this.#context.isDown())
      const text = await response.clone().text()
      const isNew = (wasRotating || this.#context.isRotating()) && text.includes('"unknown_key"')
      if (!isOutage && !isNew) this.#complain(`${kind}: ${response.status} ${text.slice(0, 300)}`)
      return response
    } catch (cause) {
      this.#note(kind, 'no answer')
      this.#complain(`${kind}: no answer: ${String(cause)}`)
      return undefined
    }
  }

  /** A grant that is good for some minutes more; person servers rotate their keys meanwhile. */
  async #tokenOf(agent: Agent): Promise<string> {
    const held = this.#grants.get(agent)
    const now = this.#context.town.clock()
    if (held !== undefined && now - held.at < 120_000) return held.jwt
    const jwt = await this.#mint(agent)
    this.#grants.set(agent, { jwt, at: now })
    return jwt
  }

  #mint(agent: Agent, claims: object = {}): Promise<string> {
    const { town } = this.#context
    const person = agent.person ?? town.person('nobody')
    return town.ps.mintAuthToken(
      { person, resource, cnf: agent.key.cnf, scope: 'data.read data.write' },
      { claims: { ...claims } },
    )
  }

  /** Of a person server that nobody knows. */
  #mintStranger(agent: Agent, host: string): Promise<string> {
    const { town } = this.#context
    const person = agent.person ?? town.person('nobody')
    return town.ps.mintPersonToken(
      { person, resource, cnf: agent.key.cnf },
      { claims: { iss: `https://${host}` } },
    )
  }

  async #grant(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const token = await this.#tokenOf(agent)
    await this.#send(
      'grant',
      await agent.sign({ url: `${resource}/data?n=${++this.#serial}` }, { token }),
      [200],
    )
  }

  async #plain(path: string, right: readonly number[]): Promise<void> {
    const agent = this.#pick(this.#agents)
    await this.#send(path, await agent.sign({ url: `${resource}${path}?n=${++this.#serial}` }), right)
  }

  async #content(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const token = await this.#tokenOf(agent)
    const body = 'x'.repeat(Math.floor(this.#context.random() * 20_000))
    await this.#send(
      'content',
      await agent.sign({ method: 'POST', url: `${resource}/data`, body }, { token }),
      [200],
    )
  }

  /** The same request twice: what the first used up the second finds used. */
  async #twice(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const token = await this.#tokenOf(agent)
    const request = await agent.sign(
      { method: 'POST', url: `${resource}/data`, body: String(++this.#serial) },
      { token },
    )
    const first = await this.#send('once', request, [200])
    if (first?.status === 200) await this.#send('replayed', request, [401])
  }

  async #nobody(): Promise<void> {
    const path = this.#pick([
      '/data',
      '/agent',
      '/open',
      '/.well-known/aauth-resource.json',
      '/.well-known/jwks.json',
    ])
    const request = { method: 'GET', host: 'rs.example', target: path, rawHeaders: ['Host', 'rs.example'] }
    await this.#send('nobody', request, [path === '/data' || path === '/agent' ? 401 : 200])
  }

  async #forged(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const token = await this.#tokenOf(agent)
    const { rawHeaders, ...rest } = await agent.sign({ url: `${resource}/data` }, { token })
    const broken = rawHeaders.map((value) =>
      value.startsWith('sig=:')
        ? `sig=:${Buffer.alloc(64, ++this.#serial % 251).toString('base64')}:`
        : value,
    )
    await this.#send('forged', { ...rest, rawHeaders: broken }, [401])
  }

  async #expired(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const now = this.#seconds()
    const token = await this.#mint(agent, { iat: now - 3000, exp: now - 200 })
    await this.#send('expired', await agent.sign({ url: `${resource}/data` }, { token }), [401])
  }

  /** Of an issuer that nobody can reach. */
  async #stranger(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const token = await this.#mintStranger(agent, `ps-${++this.#serial}.strangers.example`)
    await this.#send('stranger', await agent.sign({ url: `${resource}/person` }, { token }), [401, 429, 503])
  }

  /** Of issuers that all take long, more than are asked at once. */
  async #crowd(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const tokens = slowHosts.map((host) => this.#mintStranger(agent, host))
    await Promise.all(
      tokens.map(async (token) => {
        const url = `${resource}/person?n=${++this.#serial}`
        await this.#send('crowd', await agent.sign({ url }, { token: await token }), [401, 429, 503])
      }),
    )
  }

  async #denied(): Promise<void> {
    const { town, order } = this.#context
    const agent = town.agent(`denied-${++this.#serial}`)
    const url = `${resource}/agent`
    await this.#send('to be denied', await agent.sign({ url }), [200])
    await order({ do: 'deny', key: agent.key.jkt })
    await this.#send('denied', await agent.sign({ url }), [403])
    await order({ do: 'allow', key: agent.key.jkt })
    await this.#send('allowed', await agent.sign({ url }), [200])
  }

  async #revoke(): Promise<void> {
    const { town } = this.#context
    const agent = this.#pick(this.#agents)
    const jti = `revoked-${++this.#serial}`
    const jwt = await this.#mint(agent, { jti })
    await this.#send('to be revoked', await agent.sign({ url: `${resource}/data` }, { token: jwt }), [200])
    const wasRotating = this.#context.isRotating()
    const { outcome } = await town.ps.revoke(jti, this.#seconds() + 3600, resource)
    this.#note('revocation', outcome)
    if (outcome !== 'recorded') {
      const isExcused = this.#context.isDown() || wasRotating || this.#context.isRotating()
      if (!isExcused) this.#complain(`revocation: ${outcome}`)
      return
    }
    await this.#send('revoked', await agent.sign({ url: `${resource}/data` }, { token: jwt }), [401])
    this.#revoked.push({ agent, jwt })
    if (this.#revoked.length > most) this.#revoked.shift()
  }

  /** What was revoked stays so, whatever has been restarted since. */
  async #revokedBefore(): Promise<void> {
    if (this.#revoked.length === 0) return
    const { agent, jwt } = this.#pick(this.#revoked)
    await this.#send('revoked before', await agent.sign({ url: `${resource}/data` }, { token: jwt }), [401])
  }

  async #session(): Promise<void> {
    const { town } = this.#context
    const agent = town.agent(`visitor-${++this.#serial}`, { person: town.person('mom') })
    const first = await this.#send(
      'session asked for',
      await agent.sign({ url: `${resource}/session?n=${++this.#serial}` }),
      [202],
    )
    const link = /url="([^"]+)".*code="([^"]+)"/.exec(first?.headers.get('aauth-requirement') ?? '')
    const pending = first?.headers.get('location')
    if (link === null || pending === null || pending === undefined) return
    const visitor = new Visitor(town)
    const page = await visitor.open(`${link[1]}?code=${link[2]}`)
    if (!page.text.includes('<form method="post"')) throw new Error(`the page answers ${page.status}`)
    await visitor.decide(page, 'approve')
    const done = await this.#send(
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
  async #inSession(): Promise<void> {
    if (this.#sessions.length === 0) return
    const { agent, session } = this.#pick(this.#sessions)
    const headers = [['Authorization', `AAuth ${session}`]] as const
    await this.#send(
      'in session',
      await agent.sign({ url: `${resource}/session?n=${++this.#serial}`, headers }),
      [200],
    )
  }

  async #held(): Promise<void> {
    const agent = this.#pick(this.#agents)
    const first = await this.#send(
      'held',
      await agent.sign(
        { method: 'POST', url: `${resource}/approved?n=${++this.#serial}` },
        { components: ofQuery },
      ),
      [202],
    )
    const location = first?.headers.get('location')
    if (location === null || location === undefined) return
    const url = new URL(location, resource).href
    for (let polls = 0; polls < 40; polls++) {
      const headers = [['Prefer', 'wait=1']] as const
      const answer = await this.#send('poll', await agent.sign({ url, headers }), [200, 202, 429])
      if (answer?.status === 200) this.carriedOut++
      if (answer === undefined || answer.status === 200) return
    }
    if (!this.#context.isDown()) this.#complain('held: 40 polls, and no answer')
  }

  /** Content that comes drop by drop, and a client that may go away meanwhile. */
  async #slow(vanishes: boolean): Promise<void> {
    const agent = this.#pick(this.#agents)
    const token = await this.#tokenOf(agent)
    const body = `${++this.#serial} drop by drop `.repeat(50)
    const { method, target, rawHeaders } = await agent.sign(
      { method: 'POST', url: `${resource}/data`, body },
      { token },
    )
    const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}\r\n`] : []))
    const head = `${method} ${target} HTTP/1.1\r\n${lines.join('')}${counted}: 1\r\nConnection: close\r\n\r\n`
    const kind = vanishes ? 'vanished' : 'slow'
    const [wasDown, wasRotating] = [this.#context.isDown(), this.#context.isRotating()]
    this.sentInAll++
    const status = await dropByDrop(this.#context.port, head, body, vanishes)
    this.#note(kind, status)
    if (vanishes) {
      this.vanished++
      return
    }
    this.answered++
    const excused = status === '503' && (wasDown || this.#context.isDown())
    const isNew = status === '401' && (wasRotating || this.#context.isRotating())
    if (status !== '200' && !excused && !isNew) this.#complain(`slow: ${status}`)
  }
}

function dropByDrop(port: number, head: string, body: string, vanishes: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(head)
    let text = ''
    let at = 0
    const step = Math.ceil(body.length / 10)
    const timer = setInterval(() => {
      if (vanishes && at > body.length / 2) socket.destroy()
      else socket.write(body.slice(at, at + step))
      at += step
      if (at >= body.length) clearInterval(timer)
    }, 20)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    // It may answer, and close, before all has come.
    socket.on('error', (cause) => {
      if (!vanishes && text === '') reject(cause)
    })
    socket.on('close', () => {
      clearInterval(timer)
      resolve(vanishes ? 'gone' : (text.split(' ', 2)[1] ?? 'no answer'))
    })
  })
}
