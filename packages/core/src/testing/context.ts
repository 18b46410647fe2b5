import type { AuthenticationContext } from '../authentication/authenticate.js'
import { createVerify } from '../crypto/verify.js'
import { Decisions } from '../decision/decisions.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { defaultLimits } from '../limits.js'
import { createState, type State } from '../server/state.js'
import { createMemoryStore } from '../store/memory-store.js'
import { Deadlines } from '../time/deadline.js'
import { VerifiedTokens } from '../token/verified-tokens.js'

/** Nobody listens. */
const noDecisions: Decisions = new Decisions({
  resource: 'https://rs.example',
  listens: false,
  subjects: () => undefined,
  clock: () => 0,
  monotonic: () => 0,
  tell: () => {},
})

/** What authentication at `https://rs.example` works with, as it is by default. @param clock milliseconds */
export function testContext(
  issuers: IssuerKeys,
  clock: () => number,
  state: State = memoryState(clock),
): AuthenticationContext {
  return {
    signature: {
      authority: 'rs.example',
      scheme: 'https',
      components: [],
      window: 60,
      schemes: ['jwt'],
      limits: defaultLimits,
    },
    token: {
      resource: 'https://rs.example',
      accessServer: undefined,
      window: 60,
      maxAgentTokenLifetime: 86_400,
      maxTokenLength: defaultLimits.token,
      maxTokenMembers: defaultLimits.tokenMembers,
    },
    shortcuts: true,
    tellsClients: false,
    issuers,
    tokens: new VerifiedTokens(100, issuers),
    verify: createVerify(),
    decisions: noDecisions,
    ...state,
    replay: 'off',
    bodyLimit: 1024,
    diagnose: () => {},
    clock,
  }
}

function memoryState(clock: () => number): State {
  return createState({
    deadlines: new Deadlines(2000, () => {}),
    resource: 'https://rs.example',
    users: undefined,
    longest: 3600,
    subjects: { hashOf: () => 'hash' },
    store: createMemoryStore({ clock }),
    replayStore: createMemoryStore({ clock }),
    signatureWindow: 60,
    replayReportOnlyUntil: Number.NEGATIVE_INFINITY,
    clock,
    monotonic: clock,
    report: () => {},
  })
}
