import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSetting, type Setting } from '../testing/setting.js'
import { problem } from '../wire/answers.js'

let setting: Setting
beforeEach(async () => {
  setting = await openSetting()
})
afterEach(() => setting.town.close())

const resource = 'https://shop.example'

describe('a revocation', () => {
  it('is signed by its issuer in its own right and covers the body', async () => {
    const { town, shop } = setting
    const seen: (string | undefined)[] = []
    shop.server.intercept(({ path, header, body }) => {
      if (path === '/revoke')
        seen.push(header('signature-key'), header('signature-input'), Buffer.from(body).toString())
      return undefined
    })
    expect((await town.ps.revoke('pt-1', 1790503700, resource)).outcome).toBe('recorded')
    expect(seen).toEqual([
      'sig=jwks_uri;id="https://ps.example";dwk="aauth-person.json";kid="ps-1"',
      expect.stringContaining(
        '("@method" "@authority" "@path" "signature-key" "content-type" "content-digest")',
      ),
      '{"jti":"pt-1","exp":1790503700}',
    ])
  })

  it.each([
    ['recorded', { status: 200, headers: {}, body: '' }],
    ['recorded', { status: 200, headers: {}, body: '{"downstream":[]}' }],
    ['revocation_unavailable', { status: 200, headers: {}, body: 'fine' }],
    ['revocation_unsupported', problem(403, 'unsupported_iss')],
    ['revocation_unavailable', problem(500, 'server_error')],
  ] as const)('is %s when the answer is %o', async (outcome, answer) => {
    setting.shop.server.intercept(({ path }) => (path === '/revoke' ? answer : undefined))
    expect((await setting.town.ps.revoke('pt-1', 1, resource)).outcome).toBe(outcome)
  })

  it('cannot be sent where no endpoint is published, or nobody is', async () => {
    setting.shop.metadata = { revocation_endpoint: undefined }
    expect((await setting.town.ps.revoke('pt-1', 1, resource)).outcome).toBe('revocation_unsupported')
    expect((await setting.town.ps.revoke('pt-1', 1, 'https://x.example')).outcome).toBe(
      'revocation_unavailable',
    )
  })

  it.each([{}, { jti: 'x' }, { jti: '', exp: 1 }, { jti: 'x', exp: '1' }])(
    'needs more than %o',
    async (body) => {
      const response = await setting.shop.server.post('https://ps.example/revoke', body)
      expect(response.status).toBe(400)
    },
  )

  it('is taken only from those who issue what this server reads', async () => {
    const { town } = setting
    const office = await town.openAccessServer('https://office.example')
    const response = await office.server.post('https://ps.example/revoke', { jti: 'x', exp: 1 })
    expect([response.status, response.headers.get('signature-error')]).toEqual([401, 'error=invalid_key'])
  })
})
