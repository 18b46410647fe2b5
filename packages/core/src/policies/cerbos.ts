import type { Policy, PolicyInput } from '../access/policy.js'
import type { Caller } from '../caller.js'
import { checkConfiguration } from '../configuration.js'
import { abortable } from '../issuer/document.js'
import { z } from '../schema.js'
import { deadlineOf, timeoutSchema } from './deadline.js'
import { readObligations, verdictOf } from './obligations.js'
import { engineShape, functionSchema, type PolicyEngineOptions, questionOf } from './question.js'

/** What is used of a Cerbos client, of `@cerbos/grpc`, `@cerbos/http` or `@cerbos/embedded`. */
export interface CerbosClient {
  checkResource(
    request: {
      readonly principal: {
        readonly id: string
        readonly roles: string[]
        readonly attr: Record<string, never>
      }
      readonly resource: {
        readonly kind: string
        readonly id: string
        readonly attr: Record<string, never>
      }
      readonly actions: string[]
    },
    options: { readonly signal: AbortSignal },
  ): Promise<{
    isAllowed(action: string): boolean | undefined
    readonly outputs: readonly { readonly value: unknown }[]
  }>
}

/** Whom to ask, and as what. */
export interface CerbosOptions<C extends Caller = Caller, Raw = unknown> extends PolicyEngineOptions<C, Raw> {
  /** A client of the application's. */
  readonly client: CerbosClient
  /** The roles of who calls, at least one. Default: the type of the principal, `['person']`. */
  readonly roles?: (input: PolicyInput<C, Raw>) => readonly string[]
  /** Milliseconds for an answer, 1 to 60,000. Default 2,000. */
  readonly timeout?: number
}

const schema = z.strictObject({
  ...engineShape,
  client: z.custom(
    (value) => typeof (value as CerbosClient | null | undefined)?.checkResource === 'function',
    'must be a Cerbos client',
  ),
  roles: functionSchema,
  timeout: timeoutSchema,
})

/**
 * A policy that asks Cerbos. The context is in the attributes of the principal; an output of a rule that applied may hold
 * {@link Obligations}.
 *
 * Fails closed: no answer in time, or an error of the client's, refuses the request as a policy that throws does.
 *
 * @throws TypeError for an option that is none
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { type CerbosClient, cerbosPolicy } from '@countersign/core/policies'
 *
 * declare const client: CerbosClient // new GRPC('127.0.0.1:3593', { tls: false })
 * const server = createResourceServer({ resource: 'https://notes.example', policy: cerbosPolicy({ client }) })
 * ```
 */
export function cerbosPolicy<C extends Caller = Caller, Raw = unknown>(
  options: CerbosOptions<C, Raw>,
): Policy<C, Raw> {
  checkConfiguration(schema, options, { prefix: 'cerbosPolicy: ', opaque: new Set(['client']) })
  return async function cerbos(input: PolicyInput<C, Raw>) {
    const signal = deadlineOf(input, options.timeout)
    const { principal, action, resource, context } = await questionOf(input, options)
    const roles = [...(options.roles?.(input) ?? [principal.type])]
    const question = {
      principal: { id: principal.id, roles, attr: attributes({ ...context, ...principal.properties }) },
      resource: { kind: resource.type, id: resource.id, attr: attributes(resource.properties) },
      actions: [action],
    }
    const answer = await abortable(options.client.checkResource(question, { signal }), signal)
    const wanted = answer.outputs.map(({ value }) => readObligations(value))
    return verdictOf(input, answer.isAllowed(action) === true, wanted, options.ask)
  }
}

/** Cerbos's client takes JSON alone, which our own words for it do not say. */
function attributes(properties: Readonly<Record<string, unknown>>): Record<string, never> {
  return JSON.parse(JSON.stringify(properties)) as Record<string, never>
}
