import { readRequirement } from '@countersign/agent'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Agent } from '../agent/agent.js'
import { papersOf } from '../testing/resource-tokens.js'
import { openSetting, type Setting } from '../testing/setting.js'

let setting: Setting
let sam: Agent
let decide: () => void
beforeEach(async () => {
  setting = await openSetting()
  setting.town.ap.metadata = { callback_endpoint: 'https://ap.example/back' }
  const after = new Promise<void>((resolve) => {
    decide = resolve
  })
  sam = setting.sam({ consent: () => ({ decision: true, after }) })
})
afterEach(() => setting.town.close())

const ask = async (agent = sam) => {
  const { presented, resourceToken } = await papersOf(setting, agent)
  const body = { resource_token: resourceToken, presented_token: presented, capabilities: ['interaction'] }
  return agent.request({
    method: 'POST',
    url: 'https://ps.example/token',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}
const pendingUrl = (response: Response) => response.headers.get('location') ?? ''

describe('a deferred answer', () => {
  it('comes with all that 11.8.2 requires', async () => {
    const response = await ask()
    expect(response.status).toBe(202)
    expect(pendingUrl(response)).toMatch(/^https:\/\/ps\.example\/pending\/[\w-]{43}$/)
    expect(response.headers.get('retry-after')).toBe('0')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(readRequirement(response)).toEqual({
      name: 'interaction',
      parameters: {
        url: 'https://ps.example/interact',
        code: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{8}$/),
      },
    })
    expect(await response.json()).toEqual({ status: 'pending' })
  })

  it('is polled until there is one, and then it is gone', async () => {
    const url = pendingUrl(await ask())
    expect((await sam.request({ url })).status).toBe(202)
    const polled = sam.request({ url, headers: { Prefer: 'wait=45' } })
    decide()
    expect(await (await polled).json()).toMatchObject({ auth_token: expect.any(String) })
    expect((await sam.request({ url })).status).toBe(410)
  })

  it('is nobody else’s', async () => {
    const url = pendingUrl(await ask())
    decide()
    const stranger = setting.town.agent('stranger')
    expect((await stranger.request({ url })).status).toBe(404)
    expect((await stranger.request({ url, method: 'DELETE' })).status).toBe(404)
    expect((await setting.town.fetch(url)).status).toBe(401)
    expect((await sam.request({ url: 'https://ps.example/pending/other' })).status).toBe(404)
  })

  it('can be cancelled, and takes no clarification that was not asked for', async () => {
    const url = pendingUrl(await ask())
    const headers = { 'Content-Type': 'application/json' }
    expect((await sam.request({ url, method: 'POST', headers, body: '{}' })).status).toBe(400)
    expect((await sam.request({ url, method: 'DELETE' })).status).toBe(204)
    expect((await sam.request({ url })).status).toBe(410)
  })

  it('says when the person has come, however they typed the code', async () => {
    const response = await ask()
    const { url, code = '' } = readRequirement(response)?.parameters ?? {}
    const typed = `${code.slice(0, 4)}-${code.slice(4)}`
      .toLowerCase()
      .replaceAll('0', 'o')
      .replaceAll('1', 'l')
    const callback = encodeURIComponent('https://ap.example/back?state=7')
    const page = await setting.town.fetch(`${url}?code=${typed}&callback=${callback}`)
    expect([page.status, page.headers.get('location')]).toEqual([302, 'https://ap.example/back?state=7'])
    expect(await (await sam.request({ url: pendingUrl(response) })).json()).toEqual({ status: 'interacting' })
    expect((await setting.town.fetch(`${url}?code=${code}`)).status).toBe(410)
  })

  it.each([
    [
      'revoked',
      403,
      async () => {
        const { jti = '', exp = 0 } = setting.town.ps.issued.at(-1) ?? {}
        await setting.town.ps.revoke(jti, exp, 'https://shop.example')
      },
    ],
    ['expired', 408, async () => setting.pass(3600)],
  ])('is %s when its tokens are, by the time of the decision', async (error, status, happen) => {
    const url = pendingUrl(await ask())
    await happen()
    decide()
    const answer = await sam.request({ url, headers: { Prefer: 'wait=45' } })
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining({ error })])
  })
})
