import type { FastifyContextConfig, RouteOptions } from 'fastify'
import type { Requirement } from './request.js'

/**
 * The declaration in a route's configuration: a requirement, `false` for open on purpose, or nothing.
 *
 * @throws TypeError when a declaration seems intended but has no effect
 */
export function declaredIn(config: FastifyContextConfig | undefined): Requirement | false | undefined {
  if (config === undefined) return undefined
  if ('aauth' in config) {
    const { aauth } = config
    // Fastify copies a configuration, and a copy has only own, enumerable members.
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
 * Looks for a declaration beside `config`, where it would have no effect.
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

// Names that other plugins use.
const others: ReadonlySet<string> = new Set(['auth', 'oauth'])

/** Whether a name is `aauth` with one letter too many, missing or wrong, or with two letters swapped. */
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

/**
 * The key under which a configuration holds the route as Fastify reported it. Fastify's copies of the configuration
 * keep it.
 */
export const toldAs: unique symbol = Symbol('told as')

/** A route as Fastify reported it. */
export interface ToldRoute {
  readonly options: RouteOptions
  /** Whether the guard is among the route's own hooks. */
  readonly isPlaced: boolean
}

/**
 * The route with this configuration as Fastify reported it; `undefined` if it did not, or a hook has replaced the
 * configuration.
 */
export function toldOf(config: FastifyContextConfig): ToldRoute | undefined {
  return (config as { readonly [toldAs]?: ToldRoute })[toldAs]
}
