import { approval } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from '../waiting/stage.js'

const table: readonly TargetRoute[] = [
  {
    method: 'POST',
    path: '/pay',
    requirement: { identity: 'agent', policy: () => approval({ ask: () => undefined }) },
    answer: () => ({}),
  },
]

// A thousand polls may wait at once, each with what it brought.
describe.each(adapters)('content that a stranger has kept while it waits [adapter %s]', (adapter) => {
  let stage: Stage
  beforeEach(async () => {
    stage = await openStage(adapter, {}, table)
  })
  afterEach(() => stage.close())

  const poll = async (method: string, length: number): Promise<Response> => {
    const call = await stage.sam.request({ method: 'POST', url: `${resource}/pay`, body: 'five' })
    const headers = [['Content-Type', 'text/plain']] as const
    return stage.sam.request({ method, url: locationOf(call), headers, body: 'x'.repeat(length) })
  }

  it('is no more than an answer to a question, at a pending URL', async () => {
    const long = await poll('POST', 17_000)
    expect([long.status, await errorOf(long)]).toEqual([413, 'content_too_large'])
    expect((await poll('POST', 16_000)).status).not.toBe(413)
    expect((await poll('DELETE', 17_000)).status).toBe(413)
    expect((await poll('DELETE', 100)).status).toBe(204)
  })

  it('is no more than two short strings, at the authorization endpoint', async () => {
    const body = JSON.stringify({ scope: 'data.read', account: 'x'.repeat(17_000) })
    const headers = [['Content-Type', 'application/json']] as const
    const token = await stage.personToken()
    const answer = await stage.sam.request(
      { method: 'POST', url: `${resource}/aauth/authorize`, headers, body },
      { token },
    )
    expect([answer.status, await errorOf(answer)]).toEqual([413, 'content_too_large'])
  })
})
