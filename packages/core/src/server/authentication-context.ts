import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { useShortcuts } from '../limits.js'
import { VerifiedTokens } from '../token/verified-tokens.js'
import type { Config } from './options.js'
import type { State } from './state.js'

/** What authentication depends on, from the options and the parts of the server. */
export function authenticationContext(
  config: Config,
  issuers: IssuerKeys,
  state: State,
  { diagnose, trace, verify }: Pick<AuthenticationContext, 'diagnose' | 'trace' | 'verify'>,
): AuthenticationContext {
  const shortcuts = useShortcuts() && trace === undefined
  return {
    signature: {
      authority: config.authority,
      scheme: 'https',
      components: config.additionalSignatureComponents,
      window: config.signatureWindow,
      // Agents may present a token only.
      schemes: ['jwt'],
      limits: config.limits,
      trace,
    },
    token: {
      resource: config.resource,
      accessServer: config.accessServer,
      window: config.signatureWindow,
      maxAgentTokenLifetime: config.maxAgentTokenLifetime,
      maxTokenLength: config.limits.token,
      maxTokenMembers: config.limits.tokenMembers,
      trace,
    },
    trace,
    shortcuts,
    issuers,
    tellsClients: config.issuers.clientAddress !== undefined,
    tokens: new VerifiedTokens(shortcuts ? config.verifiedTokens : 0, issuers),
    verify,
    decisions: config.decisions,
    ...state,
    readsAhead: config.isShared,
    replay: config.replay,
    bodyLimit: config.limits.body,
    diagnose,
    clock: config.clock,
  }
}
