import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Agent, AgentError, type AgentOptions, createAgent } from '@countersign/agent'
import { createKey, mintJwt, type Person, type Town, type TownKey } from '@countersign/devkit'

/** Node's own `fetch` on loopback: what it sends and streams is what it would over TLS. */
function loopbackFetch(town: Town): typeof globalThis.fetch {
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const port = town.loopback[url.hostname]
    if (port === undefined) return Promise.reject(new TypeError(`no route to ${url.host}`))
    const headers = new Headers(init?.headers)
    headers.set('host', url.host)
    return fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, { ...init, headers })
  }
}

/** An agent of the package as a program would have it, which acts for a person of the town. */
export function agentOf(
  town: Town,
  options: Partial<AgentOptions> & { readonly person?: Person | undefined; readonly townKey?: TownKey } = {},
): Agent {
  const { person, townKey: key = createKey(), ...rest } = options
  // Its employment is known at the person server by its name.
  const { name } = town.agent('sam', { person })
  return createAgent({
    key: key.privateJwk,
    agentToken: () => town.ap.mintAgentToken({ name, cnf: key.cnf, ps: person?.ps }),
    fetch: loopbackFetch(town),
    clock: town.clock,
    wait: async () => undefined,
    ...rest,
  })
}

/** The error that a promise rejects with. */
export async function errorOf(work: Promise<unknown>): Promise<AgentError> {
  const error = await work.then(
    (value) => new Error(`it did not fail: ${String(value)}`),
    (reason: unknown) => reason,
  )
  if (error instanceof AgentError) return error
  throw error
}

/** A server of one host in a town that answers as it likes. */
export interface Liar {
  readonly host: string
  readonly id: string
  readonly key: TownKey
  /** What it was asked, with the content. */
  readonly asked: {
    readonly method: string
    readonly path: string
    readonly headers: IncomingMessage['headers']
    readonly content: string
  }[]
  /** A token in its name. */
  mint(typ: string, claims: Readonly<Record<string, unknown>>): Promise<string>
  close(): Promise<void>
}

/** Opens a server that publishes a document with keys, and answers everything else with `answer`. */
export async function openLiar(
  town: Town,
  host: string,
  document: string,
  answer: (request: IncomingMessage, response: ServerResponse, content: string) => unknown,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<Liar> {
  const id = `https://${host}`
  const key = createKey('Ed25519', 'liar-1')
  const asked: Liar['asked'] = []
  const json = (response: ServerResponse, value: unknown): void => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(value))
  }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const content = Buffer.concat(chunks).toString()
    const { url: path = '', method = '', headers } = request
    if (path === `/.well-known/${document}`)
      return json(response, { issuer: id, jwks_uri: `${id}/jwks.json`, ...metadata })
    if (path === '/jwks.json') return json(response, { keys: [key.publicJwk] })
    asked.push({ method, path, headers, content })
    await answer(request, response, content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  town.route(host, (server.address() as AddressInfo).port)
  return {
    host,
    id,
    key,
    asked,
    mint: (typ, claims) => {
      const iat = Math.floor(town.clock() / 1000)
      return mintJwt(key, typ, {
        iss: id,
        dwk: document,
        jti: `${iat}-${Math.random()}`,
        iat,
        exp: iat + 300,
        ...claims,
      })
    },
    close: () =>
      new Promise((resolve) => {
        town.route(host, undefined)
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
