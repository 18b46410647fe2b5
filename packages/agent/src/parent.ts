import { AgentError } from './error.js'
import type { SubAgentTerms } from './options.js'
import type { Run } from './run.js'

/** Has the parent make a token request, because a sub-agent's own would be refused (10.2.2). */
export async function throughParent(
  run: Run,
  members: Readonly<Record<string, unknown>>,
  request: (terms: SubAgentTerms) => Promise<string>,
): Promise<string> {
  const { agent, signal } = run
  const { jwt } = await agent.agentToken(signal)
  const terms = { members: { ...members, subagent_token: jwt }, jkt: agent.settings.key.jkt, signal }
  try {
    return await run.call('parent_failed', 'the parent', () => request(terms))
  } catch (cause) {
    if (!(cause instanceof AgentError) || cause.code === 'parent_failed') throw cause
    // The code comes from the server that refused the parent; the steps are the sub-agent's own.
    const { status, detail, retryAfter, interaction } = cause
    const details = { status, detail, retryAfter, interaction, cause }
    throw run.failed(cause.code, 'the parent could not bring the token', details)
  }
}
