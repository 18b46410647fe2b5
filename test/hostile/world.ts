import type { ResourceOptions } from '@countersign/core'
import { createTown, type MintOverrides, type Person, type Town, type TownKey } from '@countersign/devkit'
import { vi } from 'vitest'
import { routes, type TargetRoute } from '../target/routes.js'
import { type RunningTarget, resource, startTarget } from '../target/start.js'
import { base, type Signing, signatureFields } from './sign.js'
import { type RawRequest, type RawResponse, sendRaw } from './wire.js'

/** A request in the making: what is not given is honest, so that a case says only what is wrong with it. */
export interface Draft extends Partial<Omit<Signing, 'signatureKey'>> {
  readonly method?: string
  readonly target?: string
  /** Default `Host: rs.example`. */
  readonly host?: readonly (readonly [string, string])[]
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string | Uint8Array | undefined
  /** The token to present; default a grant for `data.read`. */
  readonly token?: string
  /** The whole member of `Signature-Key` instead of `jwt` with the token. */
  readonly signatureKey?: string
}

/** A town, a target behind one adapter, and a clock that stands still until it is moved. */
export class World {
  readonly adapter: string
  readonly town: Town
  readonly target: RunningTarget
  readonly mom: Person
  /** The agent's key. */
  readonly key: TownKey
  /** Every document the resource has fetched, in order. */
  readonly fetched: string[] = []
  readonly #time: { seconds: number }

  private constructor(adapter: string, town: Town, target: RunningTarget, time: { seconds: number }) {
    this.adapter = adapter
    this.town = town
    this.target = target
    this.#time = time
    this.mom = town.person('mom')
    this.key = town.agent('sam', { person: this.mom }).key
    town.watch(({ from, url }) => {
      if (from === 'rs.example') this.fetched.push(url)
    })
  }

  static async open(
    adapter: string,
    options: Partial<ResourceOptions> = {},
    table?: readonly TargetRoute[],
  ): Promise<World> {
    const time = { seconds: 1_800_000_000 }
    const clock = (): number => time.seconds * 1000
    const town = await createTown({ clock })
    const target = await startTarget(
      adapter,
      0,
      { fetch: town.fetchAs('rs.example'), clock, ...options },
      table,
    )
    town.route('rs.example', target.port)
    return new World(adapter, town, target, time)
  }

  async close(): Promise<void> {
    await this.target.close()
    await this.town.close()
  }

  /** Seconds. */
  get now(): number {
    return this.#time.seconds
  }

  advance(seconds: number): void {
    this.#time.seconds += seconds
  }

  /** An agent token of the town's provider. */
  agent(overrides?: MintOverrides): Promise<string> {
    return this.town.ap.mintAgentToken({ name: 'sam', cnf: this.key.cnf, ps: this.mom.ps }, overrides)
  }

  /** A person token of the town's person server. */
  person(overrides?: MintOverrides): Promise<string> {
    return this.town.ps.mintPersonToken({ person: this.mom, resource, cnf: this.key.cnf }, overrides)
  }

  /** An auth token of the town's person server for `data.read`. */
  grant(overrides?: MintOverrides): Promise<string> {
    const request = { person: this.mom, resource, cnf: this.key.cnf, scope: 'data.read' }
    return this.town.ps.mintAuthToken(request, overrides)
  }

  /** `GET /data` with a grant, signed by the agent, unless the draft says otherwise. */
  async compose(draft: Draft = {}): Promise<RawRequest> {
    const { method = 'GET', target = '/data', host = [['Host', 'rs.example']], headers = [], body } = draft
    const length = body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))] as const]
    const request: RawRequest = { method, target, headers: [...host, ...headers, ...length], body }
    const signatureKey = draft.signatureKey ?? `jwt;jwt="${draft.token ?? (await this.grant())}"`
    const fields = await signatureFields(request, {
      key: this.key,
      components: base,
      parameters: `;created=${this.now}`,
      label: 'sig',
      ...draft,
      signatureKey,
    })
    return { ...request, headers: [...request.headers, ...fields] }
  }

  /** One request with several signatures; `Signature-Key` is complete before the first is made (SK 3.2). */
  async composeSeveral(drafts: readonly (Draft & { readonly label: string })[]): Promise<RawRequest> {
    const token = await this.grant()
    const members = drafts.map((draft) => draft.signatureKey ?? `jwt;jwt="${draft.token ?? token}"`)
    const all = drafts.map(({ label }, i) => `${label}=${members[i]}`).join(', ')
    const requests = await Promise.all(
      drafts.map((draft, i) =>
        this.compose({
          ...draft,
          signatureKey: members[i] as string,
          values: { '"signature-key"': all, ...draft.values },
        }),
      ),
    )
    const lines = (name: string): string =>
      requests
        .flatMap(({ headers }) => headers.filter(([field]) => field === name).map(([, value]) => value))
        .join(', ')
    const signed = ['Signature-Input', 'Signature', 'Signature-Key']
    const [first] = requests as [RawRequest]
    const rest = first.headers.filter(([name]) => !signed.includes(name))
    return { ...first, headers: [...rest, ...signed.map((name) => [name, lines(name)] as const)] }
  }

  send(request: RawRequest): Promise<RawResponse> {
    return sendRaw(this.target.port, request)
  }
}

/** Counts what runs behind the guards, whatever the adapter. */
export function countHandlers(): { count(): number; reset(): void } {
  const spies = routes.map((route) => vi.spyOn(route as { answer(received: unknown): object }, 'answer'))
  return {
    count: () => spies.reduce((total, spy) => total + spy.mock.calls.length, 0),
    reset: () => {
      for (const spy of spies) spy.mockClear()
    },
  }
}

/** The request with the value of a field changed; `undefined` takes the line away. */
export function alter(
  request: RawRequest,
  field: string,
  change: (value: string) => string | undefined,
): RawRequest {
  const headers = request.headers.flatMap(([name, value]) => {
    if (name.toLowerCase() !== field) return [[name, value] as const]
    const changed = change(value)
    return changed === undefined ? [] : [[name, changed] as const]
  })
  return { ...request, headers }
}

/** The request without a field. */
export const without = (request: RawRequest, field: string): RawRequest =>
  alter(request, field, () => undefined)
