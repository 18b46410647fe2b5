import type { ResourceOptions } from '@countersign/core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { adapters } from '../target/start.js'
import { type Answer, readAnswer } from './answer.js'
import type { RawRequest, RawResponse } from './wire.js'
import { countHandlers, World } from './world.js'

export * from './answer.js'
export { base } from './sign.js'
export type { RawRequest, RawResponse } from './wire.js'
export { alter, type Draft, World, without } from './world.js'

/** One request that nobody honest sends, or one that must be served although it looks odd, and its exact answer. */
export interface Case {
  /** The ids the case proves: `N-020, R-050`. */
  readonly ids: string
  /** What is sent, in words. */
  readonly name: string
  /** Composes the request; it may move the clock, open issuers and so on. */
  readonly request: (world: World) => RawRequest | Promise<RawRequest>
  readonly answer: Answer | ((world: World) => Answer)
  /** What else is to be seen in the response. */
  readonly check?: (response: RawResponse, world: World) => void
  /** Documents the resource fetches for this request; not compared when left out. */
  readonly fetches?: number
}

/** How the world of a group of cases is set up. */
export interface Setting {
  readonly options?: Partial<ResourceOptions>
  /** A world for each case, for those that move the clock or wear out an issuer. Default: one for all. */
  readonly fresh?: boolean
  /** Before the first case; default: the issuers' keys are already known. */
  readonly prepare?: (world: World) => Promise<unknown>
}

/**
 * Sends every case through every adapter over a socket and compares the whole answer. A case that is refused has run no
 * handler and brought home no resource token, unless it says so.
 */
export function overSockets(title: string, setting: Setting, cases: readonly Case[]): void {
  describe.each(adapters)(`${title} [adapter %s]`, (adapter) => {
    const handlers = countHandlers()
    let world: World
    const open = async (): Promise<void> => {
      world = await World.open(adapter, setting.options)
      await (setting.prepare ?? warmUp)(world)
    }
    const close = (): Promise<void> => world.close()
    if (setting.fresh === true) beforeEach(async () => open().then(() => close))
    else beforeAll(async () => open().then(() => close))

    it.each(cases.map((entry) => [`${entry.name} (${entry.ids})`, entry] as const))(
      '%s',
      async (_title, entry) => {
        const request = await entry.request(world)
        const before = world.fetched.length
        handlers.reset()
        const response = await world.send(request)
        const actual = readAnswer(response, handlers.count())
        const expected = typeof entry.answer === 'function' ? entry.answer(world) : entry.answer
        expect(comparable(actual, expected)).toEqual(expected)
        entry.check?.(response, world)
        if (entry.fetches !== undefined) expect(world.fetched.slice(before)).toHaveLength(entry.fetches)
      },
    )
  })
}

/** Both issuers' keys in memory, as on a server that has run for a while. */
async function warmUp(world: World): Promise<void> {
  for (const token of [await world.grant(), await world.agent()])
    await world.send(await world.compose({ token }))
}

// Of a resource token only the named claims are compared; its presence always is.
function comparable(actual: Answer, expected: Answer): Answer {
  const { resourceToken, ...rest } = actual
  if (resourceToken === undefined || expected.resourceToken === undefined) return actual
  const named = Object.keys(expected.resourceToken)
  return { ...rest, resourceToken: Object.fromEntries(named.map((name) => [name, resourceToken[name]])) }
}
