import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from './stage.js'

describe.each(adapters)('town.visit [adapter %s]', (adapter) => {
  let stage: Stage
  const form = { username: 'mom', password: 'mom' }
  beforeEach(async () => {
    stage = await openStage(adapter)
  })
  afterEach(() => stage.close())

  /** Sam wants a session; the person is where `visit` takes them. */
  const link = async (): Promise<string> => {
    let found = ''
    const sam = stage.town.agent('sam', {
      person: stage.mom,
      onInteraction: async (interaction) => {
        found = interaction.link
        throw new Error('later')
      },
    })
    await sam.fetch(`${resource}/session`).catch(() => undefined)
    return found
  }

  it('signs in, approves, and the agent is served', async () => {
    const sam = stage.town.agent('sam', {
      person: stage.mom,
      onInteraction: (interaction) => stage.town.visit(interaction.link, { form, decision: 'approve' }),
    })
    expect(await (await sam.fetch(`${resource}/session`)).json()).toMatchObject({
      kind: 'session',
      user: 'mom',
    })
  })

  it('declines, and the agent is told', async () => {
    const sam = stage.town.agent('sam', {
      person: stage.mom,
      onInteraction: (interaction) => stage.town.visit(interaction.link, { form, decision: 'decline' }),
    })
    await expect(sam.fetch(`${resource}/session`)).rejects.toMatchObject({ code: 'denied' })
  })

  it('only looks', async () => {
    const page = await stage.town.visit(await link(), { form })
    expect(page).toMatchObject({ status: 200, url: expect.stringContaining('/aauth/interact/') })
    expect(page.text).toContain('Approve')
  })

  it('takes the cookie of a login that it did not go through', async () => {
    const signedIn = await stage.town.fetch(`${resource}/login`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, next: '/login' }),
    })
    const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const page = await stage.town.visit(await link(), { headers: { cookie }, decision: 'approve' })
    expect(page.status).toBe(200)
  })

  it('says what is there where there is nothing to decide', async () => {
    const opened = await link()
    const wrong = { username: 'mom', password: 'wrong' }
    await expect(stage.town.visit(opened, { form: wrong, decision: 'approve' })).rejects.toThrow(
      /nothing to decide at https:\/\/rs\.example\/login.*Name or password is wrong/,
    )
    await expect(stage.town.visit(opened, { decision: 'approve' })).rejects.toThrow(/nothing to decide/)
    await expect(stage.town.visit('https://nowhere.example/', {})).rejects.toThrow()
  })
})
