import type { FastifyContextConfig } from 'fastify'
import type { Requirement } from './request.js'

/**
 * What a route says in its configuration: a requirement, `false` for open on purpose, or nothing.
 *
 * @throws TypeError where it looks as if something was meant to be said and is not
 */
export function declaredIn(config: FastifyContextConfig | undefined): Requirement | false | undefined {
  if (config === undefined) return undefined
  if ('aauth' in config) {
    const { aauth } = config
    if (aauth !== undefined) return aauth
    throw new TypeError(
      'config.aauth: is undefined; expected a requirement, or false for a route that is open',
    )
  }
  const misspelt = Object.keys(config).find((name) => name.replace(/[^a-z]/gi, '').toLowerCase() === 'aauth')
  if (misspelt === undefined) return undefined
  throw new TypeError(`config.${misspelt}: is not known; what a route requires is said in config.aauth`)
}
