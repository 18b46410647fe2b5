import type { GuardContext } from '../access/guard-context.js'
import { createScopeList } from '../access/scope-list.js'
import { createUserScopes } from '../access/user-scopes.js'
import { createAdoption } from '../adoption/adoption.js'
import { createHelp } from '../answer/help.js'
import type { AuditContext } from '../audit/running-log.js'
import { createExplain } from '../authentication/explain.js'
import { andThen } from '../awaitable.js'
import { countCores } from '../crypto/cores.js'
import { installedSodium } from '../crypto/installed.js'
import { type CryptoOptions, createVerify, cryptoHealth, type Surroundings } from '../crypto/verify.js'
import { createDiagnose, type Diagnose } from '../diagnostics.js'
import { type AccessMode, createAccessModes } from '../endpoints/access-mode.js'
import { agentMetadataEndpoint } from '../endpoints/agent-metadata.js'
import { authorizationEndpoint } from '../endpoints/authorization.js'
import { createEndpoints } from '../endpoints/endpoints.js'
import { createMetadataLink } from '../endpoints/metadata-link.js'
import { revocationEndpoint } from '../endpoints/revocation.js'
import { createNoticeContent } from '../http/content.js'
import type { Endpoint } from '../http/endpoint.js'
import { createIssuerKeys } from '../issuer/cached-issuer-keys.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { useShortcuts } from '../limits.js'
import type { RevocationRecords } from '../revocation/revocations.js'
import { createRevokeResourceToken } from '../revocation/revoke-resource-token.js'
import type { SessionService } from '../session/sessions.js'
import { Deadlines } from '../time/deadline.js'
import { createResourceTokenMint } from '../token/resource-token.js'
import type { Trace } from '../tracing/trace.js'
import { createUserDirectory } from '../users/directory.js'
import { authenticationContext } from './authentication-context.js'
import { chainingFor } from './chaining.js'
import type { ResourceServer } from './contract.js'
import { declareRoutes } from './declare-routes.js'
import { readHealth } from './health.js'
import { shareKnownIssuers } from './listed-issuers.js'
import { createOnwardCalls } from './onward.js'
import { operatorDenials, operatorRevocations } from './operator.js'
import { type Config, readOptions } from './options.js'
import { createPendingRequests, longestBegun } from './pending-requests.js'
import type { ResourceOptions } from './resource-options.js'
import { createState } from './state.js'

/**
 * Creates a resource server from its options.
 *
 * @throws TypeError naming the invalid option
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createResourceServer } from '@countersign/core'
 * import { fromNode, nodeHost, writeAnswer } from '@countersign/core/adapter'
 *
 * const server = createResourceServer({ resource: 'https://notes.example' })
 * const guard = server.require('agent')
 *
 * createServer(async (message, response) => {
 *   const request = fromNode(message)
 *   const own = await server.handle(request, nodeHost(undefined, message))
 *   if (own !== undefined) return writeAnswer(own, response)
 *   const outcome = await guard.check(request)
 *   if (outcome.served) response.end(`hello, ${outcome.caller.agent}`)
 *   else writeAnswer(outcome.answer, response)
 * }).listen(3000)
 * ```
 */
export function createResourceServer<Raw = unknown, Hook = never>(
  options: ResourceOptions<Raw>,
): ResourceServer<Raw, Hook> {
  return createTracedServer(options, undefined)
}

/**
 * As {@link createResourceServer}, with a `trace` that is told of every check. Nothing is then remembered between
 * requests.
 */
export function createTracedServer<Raw = unknown, Hook = never>(
  options: ResourceOptions<Raw>,
  trace: Trace | undefined,
): ResourceServer<Raw, Hook> {
  const config = readOptions(options)
  // A store in memory ends with the process, so there is nothing to share.
  const listed = config.isShared && trace === undefined ? shareKnownIssuers(config) : undefined
  const issuers = createIssuerKeys(
    config.issuers,
    {
      clock: config.steady,
      random: config.random,
      report: config.report,
      named: config.accessServer === undefined ? [] : [config.accessServer],
      ...(config.fetch === undefined ? {} : { fetch: config.fetch }),
    },
    listed?.known,
  )
  // An application that awaits `issuers.warm()` joins this attempt.
  void issuers.warm()
  const deadlines = new Deadlines(config.policyTimeout, config.report)
  const state = createState({ ...config, longest: longestBegun(config), deadlines })
  const { audit } = config
  const diagnose = createDiagnose(config.report)
  audit?.attach(auditContext(config, issuers, diagnose))
  const { denials, breakGlass } = state
  const noticeContent = createNoticeContent(diagnose)
  const surroundings = lookAround(config.crypto)
  const verifies = cryptoHealth(config.crypto, surroundings)
  const { ed25519, where, cores } = verifies
  if (ed25519 === 'libsodium' && where !== 'threads' && trace === undefined)
    config.report({ name: 'verifier', ed25519, where, cores })
  const authentication = authenticationContext(config, issuers, state, {
    diagnose,
    trace,
    verify: createVerify(config.crypto, surroundings),
  })
  const adoption = createAdoption(config)
  const help = createHelp(config.help)
  const mint = createResourceTokenMint(config)
  const chaining = chainingFor(config, authentication)
  const users = createUserDirectory({ ...config, deadlines })
  const userScopes = createUserScopes()
  const accessModes = createAccessModes()
  const pendingRequests = createPendingRequests(config, { authentication, mint, chaining, deadlines, users })
  const { sessions, grantToken, deferrals, pending } = pendingRequests
  const revocations = endingSessions(state.revocations, sessions)
  const context: GuardContext = {
    authentication,
    explain: createExplain(authentication, diagnose, config.monotonic),
    scopes: createScopeList(config.scopes, issuers),
    accounts: config.access.accounts,
    users,
    grantToken,
    deferrals,
    sessions,
    interaction: config.interaction !== undefined,
    deadlines,
    report: config.report,
    audit,
    noticeContent,
    adoption,
    help,
    chaining,
  }
  const { signature } = authentication
  const { authorization, revocation } = config.paths
  const more: Endpoint[] = []
  if (config.scopes.size > 0) {
    const { access } = config
    more.push(authorizationEndpoint(authorization, { ...context, access, userScopes, sessions }))
  }
  if (chaining !== undefined) more.push(agentMetadataEndpoint(config, config.paths.callback))
  more.push(...pendingRequests.endpoints)
  if (revocation !== false) {
    more.push(revocationEndpoint(revocation, { ...config, issuers, revocations, signature, diagnose }))
  }
  const routesMode = (): AccessMode | undefined => accessModes.current()
  const { endpoints, handle } = createEndpoints({ ...config, routesMode }, more)
  const server: Omit<ResourceServer<Raw, Hook>, 'require' | 'with'> = {
    resource: config.resource,
    metadataLink: createMetadataLink(config.resource, config.metadataLink),
    endpoints,
    handle(request, host) {
      noticeContent(request)
      const answer = handle(request, host)
      return answer === undefined ? undefined : andThen(answer, help.answer)
    },
    issuers,
    revocations: operatorRevocations(revocations),
    revokeResourceToken: createRevokeResourceToken(config, issuers),
    keys: config.keys,
    denials: operatorDenials(denials),
    breakGlass,
    counts: () => ({
      rememberedTokens: authentication.tokens.size,
      openPolls: pendingRequests.polls(),
      discoveries: issuers.inspect(0).discoveries,
    }),
    health: () => readHealth({ ...config, breakGlass, issuers, cryptoHealth: verifies, deadlines }),
    report: () => adoption.report(),
    diagnose,
    pending,
    sessions: { end: (selection) => sessions.end(selection) },
    users: { unlink: (who) => state.unlinks.unlink(who) },
    ...createOnwardCalls({ chaining, deferrals, report: config.report, help }),
    close() {
      pendingRequests.close()
      issuers.close()
      listed?.close()
      void adoption.flush()
    },
  }
  return declareRoutes(server, { config, guards: context, userScopes, accessModes }, config.access)
}

/** Finds out where this process runs, if the options leave that open. */
function lookAround({ mode, ed25519 }: CryptoOptions): Surroundings {
  const mayLook = useShortcuts() && ed25519 === undefined && mode !== 'threads'
  return { cores: countCores(), sodium: mayLook ? installedSodium() : undefined }
}

/**
 * A session or held call outlives the token that it was begun with, so a revocation has to end it as well (G-58). The
 * revocation is written first, then what was begun is looked up; whatever begins writes its entry first and then
 * checks for a revocation. A revocation that was interrupted is completed when it is repeated.
 */
function endingSessions(revocations: RevocationRecords, sessions: SessionService): RevocationRecords {
  return {
    ...revocations,
    record: (revocation) => andThen(revocations.record(revocation), () => sessions.endBegunWith(revocation)),
  }
}

function auditContext(config: Config, issuers: IssuerKeys, diagnose: Diagnose): AuditContext {
  const { resource, subjects, keys, clock, monotonic, report } = config
  return {
    resource,
    issuers,
    key: () => keys.signing,
    subjects,
    clock,
    monotonic,
    report,
    diagnose,
  }
}
