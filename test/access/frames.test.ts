import { type Agent, createKey, type Town } from '@countersign/devkit'
import { beforeAll, describe, expect, it } from 'vitest'
import { bearerChallenge, frames, startFrame } from './frames.js'

const signingKey = createKey().privateJwk

describe.each(frames)('beside what an application has [adapter %s]', (frame) => {
  let town: Town
  let sam: Agent
  beforeAll(async () => {
    const running = await startFrame(frame, signingKey)
    town = running.town
    sam = town.agent('sam', { person: town.person('mom') })
    return running.close
  })
  const plain = (path: string, authorization?: string): Promise<Response> =>
    town.fetch(`https://rs.example${path}`, {
      headers: authorization === undefined ? {} : { Authorization: authorization },
    })
  const ours = (response: Response): (string | null)[] =>
    ['aauth-requirement', 'accept-signature-scheme'].map((name) => response.headers.get(name))

  it('lets in by either way (R-151)', async () => {
    expect(await (await plain('/both', 'Bearer good')).json()).toEqual({ kind: null, observed: null })
    expect(await (await sam.fetch('https://rs.example/both')).json()).toMatchObject({ kind: 'grant' })
  })

  it('keeps their challenge, and has ours beside it (R-151, G-07)', async () => {
    for (const authorization of [undefined, 'Bearer bad']) {
      const response = await plain('/both', authorization)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe(bearerChallenge)
      expect(ours(response)).toEqual(['requirement=person-token', 'jwt'])
      expect(await response.json()).toEqual({ error: 'invalid_token' })
    }
  })

  it('has ours on what the framework answers for an error of theirs', async () => {
    const response = await plain('/thrown', 'Bearer good')
    expect(response.status).toBe(401)
    expect(ours(response)).toEqual(['requirement=person-token', 'jwt'])
  })

  it('leaves a 401 of the application’s own alone (HC-92)', async () => {
    const response = await plain('/both?own', 'Bearer good')
    expect(response.status).toBe(401)
    expect(ours(response)).toEqual([null, null])
  })

  it('never falls back from a bad signature, unless the user says so (HC-28)', async () => {
    const headers = { Authorization: 'Bearer good', 'Signature-Key': 'sig=jwt;jwt="a.b.c"' }
    const send = (path: string): Promise<Response> => town.fetch(`https://rs.example${path}`, { headers })
    const refused = await send('/both')
    expect([refused.status, refused.headers.get('signature-error')]).toEqual([401, 'error=invalid_signature'])
    expect((await send('/theirs')).status).toBe(200)
    expect((await sam.fetch('https://rs.example/theirs')).status).toBe(200)
  })

  it('lets in by either way who signs by another profile, for somebody else (G-70)', async () => {
    const foreign = { Signature: 'keyId="bot",algorithm="rsa-sha256",signature="aGVsbG8="' }
    const send = (Authorization?: string): Promise<Response> =>
      town.fetch('https://rs.example/both', {
        headers: { ...foreign, ...(Authorization === undefined ? {} : { Authorization }) },
      })
    expect(await (await send('Bearer good')).json()).toEqual({ kind: null, observed: null })
    for (const authorization of [undefined, 'Bearer bad']) {
      const refused = await send(authorization)
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, bearerChallenge])
      expect(ours(refused)).toEqual(['requirement=person-token', 'jwt'])
      // Our fields are beside its own; its content stays its own.
      expect(refused.headers.get('content-type')).not.toBe('application/problem+json')
    }
  })

  it('lets theirs decide alone where ours is only observed', async () => {
    expect(await (await plain('/watched', 'Bearer good')).json()).toEqual({
      kind: null,
      observed: null,
    })
    const refused = await plain('/watched')
    expect([refused.status, ...ours(refused)]).toEqual([401, null, null])
  })

  it('knows what a router says of all its routes', async () => {
    const ann = town.agent('ann', { person: town.person('dad') })
    const agent = (path: string): Promise<Response> => ann.fetch(`https://rs.example${path}`)
    expect(await (await agent('/shop/closed')).json()).toMatchObject({ error: 'closed' })
    expect(await (await agent('/shop/watched')).json()).toEqual({ observed: 'closed' })
    expect((await agent('/shop/open')).status).toBe(200)
  })

  it('gives the parameters of wildcards as one text', async () => {
    // A grant is for one account, so each is asked for by an agent that holds none yet.
    const get = async (name: string, path: string): Promise<number> => {
      const agent = town.agent(name, { person: town.person('mom') })
      return (await agent.fetch(`https://rs.example/files/${path}`)).status
    }
    expect(await get('joe', 'blue/and/red')).toBe(200)
    expect(await get('jim', 'red/and/blue')).toBe(403)
  })
})
