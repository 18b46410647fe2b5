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

/** The part of a Cerbos client that is used, of `@cerbos/grpc`, `@cerbos/http` or `@cerbos/embedded`. */
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
    /** Without `value`, an output could not be evaluated, whatever `error` says. */
    readonly outputs: readonly { readonly value?: unknown; readonly error?: unknown }[]
  }>
}

/** How to ask Cerbos. */
export interface CerbosOptions<C extends Caller = Caller, Raw = unknown> extends PolicyEngineOptions<C, Raw> {
  /** The application's client. */
  readonly client: CerbosClient
  /** The roles of the principal, at least one. Default: its type, `['person']`. */
  readonly roles?: (input: PolicyInput<C, Raw>) => Awaitable<readonly string[]>
  /** Time limit for an answer in milliseconds, 1 to 60,000. Default 2,000. */
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
 * A policy that asks Cerbos. The context is in the attributes of the principal. An output of a rule that applied may
 * hold {@link Obligations}.
 *
 * Fails closed. Without an answer in time, or with an error of the client: `503 policy_unavailable`. An answer that
 * cannot be read is treated like a policy that throws (`500`). Input that Cerbos cannot take, or an output that
 * cannot be evaluated: `403`.
 *
 * @throws TypeError for an invalid option
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

/** Whether a client's error says that the question is invalid (`INVALID_ARGUMENT`), not that nobody answers. */
function isInvalid(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 3
}

/** @throws NoAnswer with `403` when an output could not be evaluated: it might have held an obligation */
function obligationsIn({
  value,
  error,
}: {
  readonly value?: unknown
  readonly error?: unknown
}): Obligations {
  // Servers leave the value out, some without an error.
  if (value === undefined || (error !== undefined && error !== null && error !== ''))
    throw unfit('an output of Cerbos’s could not be evaluated')
  return readObligations(value)
}
