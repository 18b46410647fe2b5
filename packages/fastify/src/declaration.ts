import type { FastifyContextConfig, RouteOptions } from 'fastify'
import type { Requirement } from './request.js'

/**
 * What a route declares in its configuration: a requirement, `false` for open on purpose, or nothing.
 *
 * @throws TypeError where it looks as if something was meant to be said and is not
 */
export function declaredIn(config: FastifyContextConfig | undefined): Requirement | false | undefined {
  if (config === undefined) return undefined
  if ('aauth' in config) {
    const { aauth } = config
    // Fastify copies a configuration, and a copy has only what was enumerable and the object's own.
    if (!Object.keys(config).includes('aauth'))
      throw new TypeError('config.aauth: is inherited or hidden, and Fastify drops it; use a plain object')
    if (aauth !== undefined) return aauth
    throw new TypeError(
      'config.aauth: is undefined; expected a requirement, or false for a route that is open',
    )
  }
  const misspelt = Object.keys(config).find(isMisspelt)
  if (misspelt === undefined) return undefined
  throw new TypeError(`config.${misspelt}: is not known; what a route requires is said in config.aauth`)
}

/**
 * Looks for what a route says beside its configuration, where nobody reads it.
 *
 * @throws TypeError naming the member
 */
export function checkPlace(options: RouteOptions): void {
  const stray = Object.entries(options).find(
    ([name, value]) =>
      name !== 'config' &&
      (simple(name) === 'aauth' ||
        (typeof value === 'object' && value !== null && Object.hasOwn(value, 'aauth'))),
  )
  if (stray === undefined) return
  throw new TypeError(`${stray[0]}: is not looked at; what a route requires is said in config.aauth`)
}

const simple = (name: string): string => name.replace(/[^a-z]/gi, '').toLowerCase()

// Names that other plugins go by.
const others: ReadonlySet<string> = new Set(['auth', 'oauth'])

/** Whether a name is `aauth` with one letter too many, too few or another, or with two that have changed places. */
function isMisspelt(name: string): boolean {
  const given = simple(name)
  if (others.has(given)) return false
  let start = 0
  while (start < 5 && given[start] === 'aauth'[start]) start++
  const [rest, wanted] = [given.slice(start), 'aauth'.slice(start)]
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    rest.slice(1) === wanted.slice(1) ||
    (rest[0] === wanted[1] && rest[1] === wanted[0] && rest.slice(2) === wanted.slice(2))
  )
}

/** Under which a configuration names the route as it was told of; Fastify's own copies of it keep that. */
export const toldAs: unique symbol = Symbol('told as')

/** A route as Fastify told of it. */
export interface ToldRoute {
  readonly options: RouteOptions
  /** Whether the guard has a place among the route's own hooks. */
  readonly isPlaced: boolean
}

/** How the route with this configuration was told of; `undefined` where nobody told, or a hook has replaced it. */
export function toldOf(config: FastifyContextConfig): ToldRoute | undefined {
  return (config as { readonly [toldAs]?: ToldRoute })[toldAs]
}
