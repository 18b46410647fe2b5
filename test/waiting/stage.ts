import type { ResourceOptions, ResourceServer } from '@countersign/core'
import { type Agent, createTown, type Person, readRequirement, type Town } from '@countersign/devkit'
import type { TargetRoute } from '../target/routes.js'
import { type RunningTarget, resource, startTarget } from '../target/start.js'

/** A town, a resource in it, mom, and sam who acts for her; with a clock that is set by hand. */
export interface Stage {
  readonly town: Town
  readonly mom: Person
  readonly sam: Agent
  /** The resource server, in the hands of its application. */
  readonly aauth: ResourceServer
  /** Where the resource listens on 127.0.0.1. */
  readonly port: number
  /** Moves the clock, in seconds. */
  pass(seconds: number): void
  /** Tokens for sam's key. */
  personToken(person?: Person): Promise<string>
  grant(scope: string, options?: { readonly person?: Person; readonly account?: string }): Promise<string>
  close(): Promise<void>
}

/** Opens a stage. */
export async function openStage(
  adapter: string,
  options: Partial<ResourceOptions> = {},
  table?: readonly TargetRoute[],
): Promise<Stage> {
  let now = Date.UTC(2026, 10, 1)
  const town = await createTown({ clock: () => now })
  town.ap.metadata = { callback_endpoint: 'https://ap.example/cb' }
  const given = { fetch: town.fetch, clock: town.clock, ...options }
  const target: RunningTarget = await startTarget(adapter, 0, given, table)
  town.route('rs.example', target.port)
  const mom = town.person('mom')
  const sam = town.agent('sam', { person: mom })
  const cnf = sam.key.cnf
  return {
    town,
    mom,
    sam,
    aauth: target.aauth,
    port: target.port,
    pass(seconds) {
      now += seconds * 1000
    },
    personToken: (person = mom) => town.ps.mintPersonToken({ person, resource, cnf }),
    grant: (scope, { person = mom, account } = {}) =>
      town.ps.mintAuthToken({ person, resource, cnf, scope, account }),
    async close() {
      await target.close()
      await town.close()
    },
  }
}

/** The pending URL of a `202`. */
export function locationOf(response: Response): string {
  const location = response.headers.get('location')
  if (response.status !== 202 || location === null) throw new Error(`${response.status} is no deferral`)
  return location
}

/** The `error` of a problem body. */
export async function errorOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { error?: unknown }).error
}

/** Where a person has to go, and with which code. */
export function interactionOf(response: Response): { readonly url: string; readonly code: string } {
  const { url, code } = readRequirement(response)?.parameters ?? {}
  if (url === undefined || code === undefined) throw new Error(`${response.status} asks for no interaction`)
  return { url, code }
}
