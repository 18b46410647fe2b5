import type { KeyScheme } from '@countersign/core/signature'
import { BoundedMap } from '../bounded.js'
import type { Verifier } from '../checks/authenticate.js'
import { Directory, type Document, type JsonObject } from '../checks/directory.js'
import type { Env } from '../env.js'
import type { TownKey } from '../keys/key.js'
import { KeyRing } from '../keys/key-ring.js'
import { type Answer, json } from '../wire/answers.js'
import type { TownRequest, WireRequest } from '../wire/request.js'
import { type SealOptions, seal } from '../wire/seal.js'
import { type Handler, type Incoming, LoopbackServer } from '../wire/server.js'

/** Options of signing with a server's own key; all are optional, most are for hostile tests. */
export interface ServerSignOptions extends Partial<Omit<SealOptions, 'key' | 'signatureKey'>> {
  readonly key?: TownKey
  readonly id?: string
  readonly dwk?: string
  readonly kid?: string
  /** The whole `Signature-Key` member instead. */
  readonly signatureKey?: KeyScheme
}

/** A server of the town: an identifier, keys, a well-known document, endpoints, and the revocations it has received. */
export class TownServer implements Verifier {
  readonly env: Env
  /** `https://ps.example`. */
  readonly id: string
  /** `ps.example`. */
  readonly host: string
  /** The document that names its keys; its role. */
  readonly document: Document
  readonly keys: KeyRing
  readonly directory: Directory
  readonly #endpoints = new Map<string, Handler>()
  readonly #revoked = new BoundedMap<string, true>(10_000)
  readonly #metadata: () => JsonObject
  #intercept: Handler | undefined
  #loopback: LoopbackServer | undefined

  /** @param metadata the members of the well-known document besides `issuer` and `jwks_uri` */
  constructor(env: Env, id: string, document: Document, metadata: () => JsonObject) {
    this.env = env
    this.id = id
    this.host = id.slice('https://'.length)
    this.document = document
    this.keys = new KeyRing(this.host.split('.')[0] as string)
    this.directory = new Directory(env, this.host)
    this.#metadata = () => ({ issuer: id, jwks_uri: `${id}/jwks.json`, ...metadata() })
    this.directory.adopt(id, document, () => ({ metadata: this.#metadata(), keys: this.keys.jwks().keys }))
    this.on('GET', `/.well-known/${document}`, () => json(this.#metadata()))
    this.on('GET', '/jwks.json', () => json(this.keys.jwks()))
  }

  /** The port on 127.0.0.1; `0` before it listens. */
  get port(): number {
    return this.#loopback?.port ?? 0
  }

  async listen(): Promise<this> {
    this.#loopback = await LoopbackServer.open((request) => this.#handle(request))
    return this
  }

  async close(): Promise<void> {
    await this.#loopback?.close()
  }

  /** Registers an endpoint. A path ending in `/*` takes everything below it. */
  on(method: string, path: string, handler: Handler): void {
    this.#endpoints.set(`${method} ${path}`, handler)
  }

  /**
   * Calls a function before every endpoint: its answer, if any, is sent instead. `undefined` removes it. For tests of
   * what a resource does when an issuer lies, fails or hangs.
   */
  intercept(handler: Handler | undefined): void {
    this.#intercept = handler
  }

  /** Signs a request with this server's own key (AAuth 11.3.2: `jwks_uri`). */
  sign(request: TownRequest, options: ServerSignOptions = {}): Promise<WireRequest> {
    const key = options.key ?? this.keys.current
    return seal(request, {
      ...options,
      key,
      created: options.created ?? this.env.now(),
      signatureKey: options.signatureKey ?? {
        scheme: 'jwks_uri',
        id: options.id ?? this.id,
        dwk: options.dwk ?? this.document,
        kid: options.kid ?? key.kid,
      },
    })
  }

  /** Signs and sends. */
  async request(request: TownRequest, options: ServerSignOptions = {}): Promise<Response> {
    return (await this.env.exchange(this.host, await this.sign(request, options))).response
  }

  /** Posts a JSON object to another server, signed with this server's own key. */
  post(url: string, body: JsonObject): Promise<Response> {
    return this.request({
      method: 'POST',
      url,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  /** Remembers that a token was revoked by its issuer. */
  recordRevocation(issuer: string, jti: string): void {
    this.#revoked.set(`${issuer} ${jti}`, true)
  }

  isRevoked(issuer: unknown, jti: unknown): boolean {
    return this.#revoked.has(`${issuer} ${jti}`)
  }

  async #handle(request: Incoming): Promise<Answer | undefined> {
    const intercepted = await this.#intercept?.(request)
    if (intercepted !== undefined) return intercepted
    const parent = request.path.slice(0, request.path.lastIndexOf('/'))
    const handler =
      this.#endpoints.get(`${request.method} ${request.path}`) ??
      this.#endpoints.get(`${request.method} ${parent}/*`)
    return handler?.(request)
  }
}
