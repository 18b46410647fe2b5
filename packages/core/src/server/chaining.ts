import type { AuthenticationContext } from '../authentication/authenticate.js'
import { type Chaining, createChaining } from '../chaining/chaining.js'
import { stopsOf } from '../chaining/context.js'
import { createOwnAgent } from '../chaining/own-agent.js'
import { createSeal } from '../chaining/seal.js'
import { SupplierTokens } from '../chaining/tokens.js'
import { guardFor } from '../issuer/guard-for.js'
import { importSigningKey } from '../own-keys/external-signer.js'
import type { Config } from './options.js'

/**
 * The parts of a server for call chaining; `undefined` without the option `onward`.
 *
 * @throws TypeError naming the invalid member of that option
 */
export function chainingFor(config: Config, authentication: AuthenticationContext): Chaining | undefined {
  const { onward, resource, keys, clock, report, pending } = config
  if (onward === undefined) return undefined
  const { issuers, signature } = authentication
  const key = onward.key === undefined ? undefined : readKey(onward.key)
  const agent = createOwnAgent({ resource, agent: onward.agent, keys, key, clock })
  return createChaining({
    resource,
    server: issuers,
    agent,
    suppliers: onward.connect({
      agent,
      issuers,
      fetch: onward.fetch,
      guard: guardFor(config.issuers, [...(onward.suppliers ?? [])]),
      clock,
      answerBytes: pending.callAnswer,
    }),
    allowed: onward.suppliers,
    tokens: new SupplierTokens(onward.tokens),
    seal: createSeal(onward.secrets),
    signature,
    timeout: onward.timeout,
    callBytes: pending.callContent,
    answerBytes: pending.callAnswer,
    requireDeclaredCapability: config.interaction?.requireDeclaredCapability ?? false,
    clock,
    report,
    nameSubjects: config.subjects.name,
    findStop: stopsOf(authentication),
  })
}

function readKey(key: object): ReturnType<typeof importSigningKey> {
  try {
    return importSigningKey(key)
  } catch (cause) {
    throw new TypeError(`option onward.key: ${(cause as Error).message}`, { cause })
  }
}
