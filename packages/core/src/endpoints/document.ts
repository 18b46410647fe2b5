import type { Awaitable } from '../awaitable.js'
import type { Endpoint } from '../http/endpoint.js'
import type { Answer } from '../http/message.js'

/** The option `display`. */
export interface Display {
  readonly name?: string
  readonly description?: string
  readonly logoUri?: string
  readonly logoDarkUri?: string
  readonly documentationUri?: string
  readonly tosUri?: string
  readonly policyUri?: string
}

/** The members of metadata for people (AAuth 11.2). */
export function displayMembers(display: Display): Readonly<Record<string, string | undefined>> {
  return {
    name: display.name,
    description: display.description,
    logo_uri: display.logoUri,
    logo_dark_uri: display.logoDarkUri,
    documentation_uri: display.documentationUri,
    tos_uri: display.tosUri,
    policy_uri: display.policyUri,
  }
}

// Short, so that a key published for a rotation is soon known. Others fetch again at most once a minute (11.4).
export const cacheable = { 'Cache-Control': 'public, max-age=300' }

/** The endpoint of a public document. */
export function documentEndpoint(path: string, handle: () => Awaitable<Answer>): Endpoint {
  return { path, methods: ['GET', 'HEAD'], unrecorded: true, handle }
}
