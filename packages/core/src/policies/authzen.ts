import type { Policy, PolicyInput, PolicyVerdict } from '../access/policy.js'
import type { Awaitable } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { abortable, readBytes } from '../issuer/document.js'
import { Fault } from '../issuer/fault.js'
import { parseJsonObject } from '../json.js'
import { noAnswer, timeoutSchema, withinTime } from './deadline.js'
import { readObligations, verdictOf } from './obligations.js'
import { unfit } from './plain.js'
import { engineShape, functionSchema, type PolicyEngineOptions, questionOf } from './question.js'

/** How to reach the policy decision point. */
export interface AuthZenOptions<C extends Caller = Caller, Raw = unknown>
  extends PolicyEngineOptions<C, Raw> {
  /** The full URL of the access evaluation endpoint: `https://pdp.example/access/v1/evaluation`. */
  readonly url: string
  /** Headers of each request, for example `authorization`; or a function that returns them. */
  readonly headers?: Readonly<Record<string, string>> | (() => Awaitable<Readonly<Record<string, string>>>)
  /** Default: the platform's `fetch`. Redirects are not followed. */
  readonly fetch?: typeof globalThis.fetch
  /** Time limit for an answer in milliseconds, 1 to 60,000. Default 2,000. */
  readonly timeout?: number
  /** Returns the obligations from the `context` of the answer. Default: the `context` itself. */
  readonly obligations?: (context: Readonly<Record<string, unknown>>) => Awaitable<unknown>
}

const schema = z.strictObject({
  ...engineShape,
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
  headers: z
    .custom<AuthZenOptions['headers']>(
      (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
      'must be an object or a function',
    )
    .optional(),
  fetch: functionSchema,
  timeout: timeoutSchema,
  obligations: functionSchema,
})

/** Limits on the bytes and members of an answer. */
const bounds = { bytes: 65_536, members: 1_000 }

/**
 * A policy that asks a policy decision point with AuthZEN's Access Evaluation API (OpenID Authorization API 1.0):
 * Cerbos, Topaz and others. The `context` of the answer may hold {@link Obligations}.
 *
 * Fails closed. Without an answer in time, and with status 429 or 5xx: `503 policy_unavailable`. With 400, 413 or
 * 422, and for input that cannot be written as JSON that every engine reads alike: `403`. Any other status than 200,
 * more than 64 KiB, or anything but `"decision": true` or `false`: treated like a policy that throws (`500`).
 *
 * @throws TypeError for an invalid option
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { authZenPolicy } from '@countersign/core/policies'
 *
 * const server = createResourceServer({
 *   resource: 'https://notes.example',
 *   policy: authZenPolicy({ url: 'http://127.0.0.1:3592/access/v1/evaluation' }),
 * })
 * ```
 */
export function authZenPolicy<C extends Caller = Caller, Raw = unknown>(
  options: AuthZenOptions<C, Raw>,
): Policy<C, Raw> {
  checkConfiguration(schema, options, { prefix: 'authZenPolicy: ' })
  const { fetch = globalThis.fetch, obligations = (context) => context } = options
  const ask = async (input: PolicyInput<C, Raw>, signal: AbortSignal): Promise<PolicyVerdict<C>> => {
    const question = await abortable(questionOf(input, options), signal)
    const { principal, action, resource, context } = question
    const headers =
      typeof options.headers === 'function'
        ? await abortable(Promise.resolve(options.headers()), signal)
        : options.headers
    const sent = fetch(options.url, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ subject: principal, action: { name: action }, resource, context }),
      redirect: 'manual',
      signal,
    })
    const response = await abortable(sent, signal).catch((cause: unknown) => {
      throw signal.aborted ? cause : noAnswer(cause)
    })
    const answer = await readAnswer(response, signal)
    const said = answer['context'] ?? {}
    if (typeof said !== 'object' || Array.isArray(said))
      throw new Error('the policy decision point answered with a context that is no object')
    const found = obligations(said as Readonly<Record<string, unknown>>)
    const wanted = readObligations(await abortable(Promise.resolve(found), signal))
    return verdictOf(input, answer['decision'] as boolean, [wanted], options.ask)
  }
  return async function authZen(input: PolicyInput<C, Raw>) {
    return withinTime(input, options.timeout, (signal) => ask(input, signal))
  }
}

/** Statuses that blame the question. */
const ofQuestion: ReadonlySet<number> = new Set([400, 413, 422])

async function readAnswer(response: Response, signal: AbortSignal): Promise<Record<string, unknown>> {
  if (response.status !== 200) {
    void response.body?.cancel().catch(() => {})
    const said = `the policy decision point answered with status ${response.status}`
    if (ofQuestion.has(response.status)) throw unfit(said)
    const cause = new Error(said)
    throw response.status === 429 || response.status >= 500 ? noAnswer(cause) : cause
  }
  const content = await readBytes(response, bounds.bytes, signal)
  if (content instanceof Fault) throw new Error(`the policy decision point's answer is ${content.reason}`)
  const answer = parseJsonObject(new TextDecoder('utf-8', { fatal: true }).decode(content), bounds.members)
  if (typeof answer?.['decision'] !== 'boolean')
    throw new Error('the policy decision point answered without a decision')
  return answer
}
