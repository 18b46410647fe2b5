import { connect } from 'node:net'
import { createKey, readRequirement } from '@countersign/devkit'
import { fetch as signedFetch } from '@hellocoop/httpsig'
import { Agent, type Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from 'undici'

/** Takes the whole process's `fetch` of these hosts to loopback; returns the way back. */
export function routeFetch(routes: () => Readonly<Record<string, number>>): () => void {
  const before: Dispatcher = getGlobalDispatcher()
  const agent = new Agent({
    connect(options, done) {
      const port = routes()[options.hostname]
      if (port === undefined) return done(new Error(`no loopback route to ${options.hostname}`), null)
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => done(null, socket)).once('error', (error) => done(error, null))
    },
  })
  setGlobalDispatcher(agent)
  return () => {
    setGlobalDispatcher(before)
    agent.destroy().catch(() => undefined)
  }
}

/** What is sent; `components` as the library takes them. */
export interface SignedInit {
  readonly method?: string
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly components?: string[]
  readonly label?: string
}

/** An agent made of somebody else's signer, and of nothing of ours: it reads challenges and carries tokens. */
export class IndependentAgent {
  readonly #privateKey: Readonly<Record<string, string>>
  readonly publicKey: Readonly<Record<string, string>>

  constructor(alg: 'Ed25519' | 'ES256' = 'Ed25519') {
    const { d, kid: _, ...members } = createKey(alg).privateJwk
    this.publicKey = members
    this.#privateKey = { ...members, d: d as string }
  }

  /** One signed request with this token. */
  fetch(url: string, jwt: string, init: SignedInit = {}): Promise<Response> {
    return signedFetch(url, { ...init, signingKey: this.#privateKey, signatureKey: { type: 'jwt', jwt } })
  }

  /** A signed POST of JSON. */
  post(url: string, jwt: string, body: object): Promise<Response> {
    return this.fetch(url, jwt, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
  }
}

/** The one thing a `401` asks for, and its resource token. */
export function asked(response: Response): {
  readonly status: number
  readonly for?: string
  readonly resourceToken?: string
} {
  const requirement = readRequirement(response)
  const resourceToken = requirement?.parameters['resource-token']
  return {
    status: response.status,
    ...(requirement === undefined ? {} : { for: requirement.name }),
    ...(resourceToken === undefined ? {} : { resourceToken }),
  }
}
