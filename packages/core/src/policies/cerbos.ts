import type { Policy, PolicyInput, PolicyVerdict } from '../access/policy.js'
import type { Awaitable } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { abortable } from '../issuer/document.js'
import { noAnswer, timeoutSchema, withinTime } from './deadline.js'
import { type Obligations, readObligations, verdictOf } from './obligations.js'
import { checkText, unfit } from './plain.js'
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
    /** Without `value`, whatever `error` says of it, an output could not be evaluated. */
    readonly outputs: readonly { readonly value?: unknown; readonly error?: unknown }[]
  }>
}

/** Whom to ask, and as what. */
export interface CerbosOptions<C extends Caller = Caller, Raw = unknown> extends PolicyEngineOptions<C, Raw> {
  /** A client of the application's. */
  readonly client: CerbosClient
  /** The roles of who calls, at least one. Default: the type of the principal, `['person']`. */
  readonly roles?: (input: PolicyInput<C, Raw>) => Awaitable<readonly string[]>
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
 * Fails closed: without an answer in time, or with an error of the client's, the request is refused with `503
 * policy_unavailable`; one that cannot be read refuses it as a policy that throws does; what Cerbos cannot be asked about, or
 * an output that cannot be evaluated, is a `403`.
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
  const ask = async (input: PolicyInput<C, Raw>, signal: AbortSignal): Promise<PolicyVerdict<C>> => {
    const { principal, action, resource, context } = await abortable(questionOf(input, options), signal)
    const roles =
      options.roles === undefined
        ? [principal.type]
        : rolesIn(await abortable(Promise.resolve(options.roles(input)), signal))
    const question = {
      principal: { id: principal.id, roles, attr: { ...context, ...principal.properties } },
      resource: { kind: resource.type, id: resource.id, attr: resource.properties },
      actions: [action],
    }
    const checked = options.client.checkResource(question, { signal })
    const answer = await abortable(checked, signal).catch((cause: unknown) => {
      if (signal.aborted) throw cause
      throw isInvalid(cause) ? unfit('Cerbos answered that the question is invalid') : noAnswer(cause)
    })
    const wanted = answer.outputs.map(obligationsIn)
    return verdictOf(input, answer.isAllowed(action) === true, wanted, options.ask)
  }
  return async function cerbos(input: PolicyInput<C, Raw>) {
    return withinTime(input, options.timeout, (signal) => ask(input, signal))
  }
}

function rolesIn(answer: unknown): string[] {
  if (Array.isArray(answer) && answer.length > 0 && answer.every((role) => typeof role === 'string'))
    return answer.map((role: string) => checkText('roles', role))
  throw new TypeError('option roles: must answer a list of roles, at least one')
}

/** Whether a client's error says that what was asked is invalid (`INVALID_ARGUMENT`), and not that nobody answers. */
function isInvalid(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 3
}

/** @throws NoAnswer with `403` where it could not be evaluated, with what it was asked about: nobody knows what would be in it */
function obligationsIn({
  value,
  error,
}: {
  readonly value?: unknown
  readonly error?: unknown
}): Obligations {
  // Servers leave the value out, some of them without an error.
  if (value === undefined || (error !== undefined && error !== null && error !== ''))
    throw unfit('an output of Cerbos’s could not be evaluated')
  return readObligations(value)
}
