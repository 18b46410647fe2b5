import { createServer, type Server } from 'node:http'
import { approval, interact, type ResourceOptions, type ResourceServer } from '@countersign/core'
import { contentDigest, type SignOptions, signRequest } from '@countersign/core/signature'
import { aauth as onExpress } from '@countersign/express'
import { aauth as onFastify } from '@countersign/fastify'
import express from 'express'
import fastify from 'fastify'
import { agentKey, authority, issuerKey, options, tokens } from './cast.js'
import { exchange, type Received } from './inner.js'
import { goodIssuers } from './target.js'
import { WatchedStore } from './watched-store.js'

/** Whose endpoints a request comes to. */
export type Where = 'authorize' | 'revoke' | 'page' | 'poll'

/** A request to an endpoint before it is signed, or has its cookie. */
export interface Sent {
  readonly method: string
  readonly type: string
  readonly body: Buffer
}

/** One framework's application with the endpoints of a resource, which does not listen. */
export class EndpointStage {
  readonly store: WatchedStore
  readonly aauth: ResourceServer
  /** What waits for the page, and for a poll; made anew once it has been decided. */
  page:
    | { readonly id: string; readonly path: string; readonly cookie: string; readonly token: string }
    | undefined
  poll: { readonly id: string; readonly path: string } | undefined
  readonly #server: Server
  readonly #clock: () => number

  private constructor(server: Server, aauth: ResourceServer, store: WatchedStore, clock: () => number) {
    this.#server = server
    this.aauth = aauth
    this.store = store
    this.#clock = clock
  }

  /** @param clock milliseconds */
  static async open(framework: 'express' | 'fastify', clock: () => number): Promise<EndpointStage> {
    const store = new WatchedStore(clock)
    const given: ResourceOptions = {
      ...options(goodIssuers),
      clock,
      store,
      replay: true,
      accounts: ({ account }) => account === 'joint',
      interaction: { login: () => 'mom', insecureCookie: true },
      pending: { clarification: true, perKey: 10_000, perIssuer: 10_000, perMinute: 10_000 },
    }
    if (framework === 'express') {
      const guard = onExpress(given)
      const app = express().use(guard.endpoints())
      for (const { path, requirement } of routes)
        app.post(path, guard.require(requirement), (_req, res) => void res.json({ ran: true }))
      return new EndpointStage(createServer(app), guard.server, store, clock)
    }
    const app = fastify()
    await app.register(onFastify, given)
    for (const { path, requirement } of routes)
      app.post(path, { config: { aauth: requirement } }, async () => ({ ran: true }))
    await app.ready()
    return new EndpointStage(app.server, app.aauth, store, clock)
  }

  close(): void {
    this.aauth.close()
  }

  /** Makes what an endpoint has to decide, where there is none. */
  async ready(where: Where): Promise<void> {
    if (where === 'page') await this.#opened()
    if (where === 'poll') await this.#waiting()
  }

  /** Sends a request to an endpoint: signed, or with the browser's cookie, as whoever calls it does. */
  async send(where: Where, { method, type, body }: Sent): Promise<Received> {
    const given = type === '' ? [] : ['Content-Type', type]
    switch (where) {
      case 'authorize':
        return this.#signed(method, '/aauth/authorize', given, body, byPerson)
      case 'revoke':
        return this.#signed(method, '/aauth/revoke', given, body, byServer, ['content-type'])
      case 'poll':
        return this.#signed(method, (await this.#waiting()).path, given, body, byAgent)
      case 'page': {
        const { path, cookie, token } = await this.#opened()
        const text = body.toString('latin1').replaceAll('TOKEN', token)
        return this.#plain(method, path, [...given, 'Cookie', cookie], Buffer.from(text, 'latin1'))
      }
    }
  }

  /** Sends a request that nobody has signed to some path. */
  stray(path: string, { method, type, body }: Sent): Promise<Received> {
    return this.#plain(method, path, type === '' ? [] : ['Content-Type', type], body)
  }

  #plain(method: string, target: string, headers: readonly string[], body: Buffer): Promise<Received> {
    const lines = [
      'Host',
      authority,
      ...headers,
      'Content-Length',
      String(body.length),
      'Connection',
      'close',
    ]
    const head = lines.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
    return exchange(
      this.#server,
      Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${head}\r\n`, 'latin1'), body]),
    )
  }

  async #signed(
    method: string,
    target: string,
    headers: readonly string[],
    body: Buffer,
    signer: Pick<SignOptions, 'key' | 'signatureKey'>,
    components: readonly string[] = [],
  ): Promise<Received> {
    const rawHeaders = ['Host', authority, ...headers, 'Content-Digest', contentDigest(body)]
    const covered = components.filter((name) => rawHeaders.some((header) => header.toLowerCase() === name))
    const fields = await signRequest(
      { method, target, rawHeaders, authority, scheme: 'https' },
      {
        ...signer,
        created: Math.floor(this.#clock() / 1000),
        components: [
          '@method',
          '@authority',
          '@path',
          '@query',
          'content-digest',
          ...covered,
          'signature-key',
        ],
      },
    )
    return this.#plain(method, target, [...rawHeaders.slice(2), ...Object.entries(fields).flat()], body)
  }

  /** A call that waits for somebody who has asked why. */
  async #waiting(): Promise<{ readonly path: string }> {
    if (this.poll !== undefined) return this.poll
    const { head } = await this.#call('/approved')
    const path = new URL(fieldOf(head, 'location')).pathname
    const id = path.slice(path.lastIndexOf('/') + 1)
    if (!(await this.aauth.pending.clarify(id, { clarification: 'Why?' }))) throw new Error('nothing waits')
    this.poll = { id, path }
    return this.poll
  }

  /** A page that a browser has opened with its code. */
  async #opened(): Promise<{ readonly path: string; readonly cookie: string; readonly token: string }> {
    if (this.page !== undefined) return this.page
    const { head } = await this.#call('/confirmed')
    const [, url = '', code = ''] =
      /url="([^"]+)".*code="([^"]+)"/.exec(fieldOf(head, 'aauth-requirement')) ?? []
    const path = new URL(url).pathname
    const empty = Buffer.alloc(0)
    const arrived = await this.#plain('GET', `${path}?code=${code}`, ['Accept', 'text/html'], empty)
    const cookie = fieldOf(arrived.head, 'set-cookie').split(';', 1)[0] as string
    const shown = await this.#plain('GET', path, ['Accept', 'text/html', 'Cookie', cookie], empty)
    const token = /name="token" value="([^"]+)"/.exec(shown.body)?.[1]
    if (token === undefined) throw new Error(`the page answers ${shown.status}`)
    const pending = new URL(fieldOf(head, 'location')).pathname
    this.page = { id: pending.slice(pending.lastIndexOf('/') + 1), path, cookie, token }
    return this.page
  }

  async #call(path: string): Promise<Received> {
    const capabilities = ['AAuth-Capabilities', 'interaction, clarification']
    const answer = await this.#signed(
      'POST',
      path,
      capabilities,
      Buffer.from(String(this.#serial++)),
      byAgent,
    )
    if (answer.status !== 202) throw new Error(`${path} answers ${answer.status} ${answer.body}`)
    return answer
  }
  #serial = 0
}

const routes = [
  { path: '/approved', requirement: { identity: 'agent', policy: () => approval({ ask: () => {} }) } },
  {
    path: '/confirmed',
    requirement: { identity: 'agent', policy: () => interact({ description: 'Order' }) },
  },
] as const

const [agentToken = '', personToken = ''] = tokens
const byAgent = { key: agentKey, signatureKey: { scheme: 'jwt', jwt: agentToken } } as const
const byPerson = { key: agentKey, signatureKey: { scheme: 'jwt', jwt: personToken } } as const
const byServer = {
  key: issuerKey,
  signatureKey: { scheme: 'jwks_uri', id: 'https://ps-2.example', dwk: 'aauth-person.json', kid: 'issuer-1' },
} as const

function fieldOf(head: string, name: string): string {
  const line = head.split('\r\n').find((text) => text.toLowerCase().startsWith(`${name}:`))
  if (line === undefined) throw new Error(`the answer has no ${name}`)
  return line.slice(name.length + 1).trim()
}
