import { readFileSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../http/message.js'
import { auditedServer, privateJwk, type Typ } from '../testing/audited-server.js'
import { now, signed, token } from '../testing/party.js'
import { testResource } from '../testing/resource.js'
import { createAuditLog } from './log.js'

const run = auditedServer()
const { call, fared, records, verify } = run

describe('the signatures that are kept', () => {
  it('has what verifies the signature of a request that was refused, and says of each record how it fared', async () => {
    const route = run.server.require({ identity: 'any' })
    const bent = async (typ: Typ): Promise<HttpRequest> => {
      const request = await signed(await token(typ), {})
      const rawHeaders = request.rawHeaders.map((value) =>
        value.startsWith('sig=:') ? `sig=:${Buffer.alloc(64, 7).toString('base64')}:` : value,
      )
      return { ...request, rawHeaders }
    }
    await call(undefined)
    await call('aa-person+jwt', { exp: now - 1 })
    await call('aa-person+jwt', { exp: now - 1 })
    await route.check(await bent('aa-person+jwt'))
    await route.check(await bent('aa-agent+jwt'))
    await route.check(await signed(`${(await token('aa-person+jwt')).slice(0, -8)}AAAAAAAA`, {}))
    await call('aa-person+jwt', { iss: 'https://unknown.example', dwk: 'aauth-person.json' })
    await route.check({
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'Signature', 'sig=('],
    })
    await call('aa-person+jwt')
    await run.log.close()
    const refused = 'refused refused-invalid'
    const expected = [
      'challenged unsigned',
      'refused refused-valid',
      'refused refused-valid',
      refused,
      refused,
      refused,
      'refused refused-valid',
      'refused unread',
      'served verified',
    ]
    expect(await fared()).toEqual(expected)
    expect(await fared({})).toEqual(
      expected.map((said) => (/-|verified/.test(said) ? said.replace(/ .+/, ' token-missing') : said)),
    )
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('keeps of a refused token no more than there is room for, and nothing that nobody could erase', async () => {
    const route = run.server.require({ identity: 'any' })
    const long = await token('aa-person+jwt', { exp: now - 1, long: 'x'.repeat(5600) })
    await route.check(await signed(long))
    const good = await token('aa-person+jwt', { exp: now - 1 })
    const [header, claims, signature] = good.split('.') as [string, string, string]
    // Not canonical: no decoder of ours says whose it is, and others would.
    await route.check(await signed(`${header}.${claims}=.${signature}`))
    await run.log.flush()
    expect(records().map(({ p }) => Object.keys(p?.['token'] ?? {}))).toEqual([['h'], ['h']])
  })

  it('has persons’ tokens by hash alone without a secret; whoever has the token can still verify', async () => {
    await run.log.close()
    rmSync(run.file)
    rmSync(`${run.file}.heads`)
    run.log = createAuditLog({ file: run.file })
    run.server = testResource({ audit: run.log, signingKeys: [privateJwk], clock: () => run.time })
    const jwt = await token('aa-person+jwt')
    await run.server.require('person').check(await signed(jwt))
    await run.log.close()
    expect(await verify({})).toMatchObject({ ok: true, verified: 0, unverifiable: 1 })
    expect(await verify({ tokens: [jwt] })).toMatchObject({ ok: true, verified: 1, unverifiable: 0 })
  })

  it('keeps secrets that were signed only sealed, and verifies all the same', async () => {
    const route = run.server.require({ identity: 'any' })
    const sent = {
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'Cookie', 'sid=secret-cookie'],
    }
    const components = ['@method', '@authority', '@path', 'signature-key', 'cookie']
    await route.check(await signed(await token('aa-agent+jwt'), { components }, sent))
    await run.log.close()
    expect(readFileSync(run.file, 'utf8')).not.toContain('secret-cookie')
    expect(await verify()).toMatchObject({ ok: true, verified: 1 })
    expect(await verify({})).toMatchObject({ ok: true, unverifiable: 1 })
  })

  it('keeps the token of no other label either', async () => {
    const mine = await token('aa-agent+jwt')
    const others = await token('aa-person+jwt', { sub: 'dad-at-rs' })
    const sent = {
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'X-Other', `a ${others} b`],
    }
    const components = ['@method', '@authority', '@path', 'signature-key', 'x-other']
    await run.server.require('agent').check(await signed(mine, { components }, sent))
    await run.log.close()
    expect(readFileSync(run.file, 'utf8')).not.toContain(others.split('.')[1])
    expect(await verify()).toMatchObject({ ok: true, verified: 1 })
  })
})
