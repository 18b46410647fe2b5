import type { TokenCaller } from '../caller.js'
import type { PageView } from './view.js'

/** Who asks, as far as is known. */
export type CallerOfPage = NonNullable<PageView['asks']>

/** A caller as the page names it. Only what was verified, never what the agent calls itself. */
export function callerOnPage(caller: TokenCaller): CallerOfPage {
  return caller.kind === 'agent'
    ? { agent: caller.agent, party: caller.provider }
    : { party: caller.person.ps }
}
