import type { ServerResponse } from 'node:http'
import type { AgentOptions } from '@countersign/agent'
import { createKey, createTown, type MintOverrides, type Person, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentOf, errorOf, type Liar, openLiar } from './setting.js'

let town: Town
let mom: Person
let open: Liar[]
beforeEach(async () => {
  town = await createTown()
  mom = town.person('mom')
  open = []
})
afterEach(async () => {
  await Promise.all(open.map((liar) => liar.close()))
  await town.close()
})

const host = 'shop.example'
const url = `https://${host}/bread`
type Answering = Parameters<typeof openLiar>[3]

async function liar(
  answer: Answering,
  name = host,
  document = 'aauth-resource.json',
  metadata = {},
): Promise<Liar> {
  const opened = await openLiar(town, name, document, answer, metadata)
  open.push(opened)
  return opened
}
function write(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body = '',
): void {
  response.writeHead(status, headers)
  response.end(body)
}
const challenge = (response: ServerResponse, requirement: string): void =>
  write(response, 401, { 'aauth-requirement': `requirement=${requirement}` })
const deferral = {
  location: '/pending/1',
  'retry-after': '0',
  'cache-control': 'no-store',
  'content-type': 'application/json',
  'aauth-requirement': 'requirement=approval',
}
const post = { method: 'POST', body: 'two' }
const ask = (options: Partial<AgentOptions> = {}, person: Person | undefined = mom) =>
  errorOf(agentOf(town, { person, ...options }).fetch(url, post))

describe('a hostile resource', () => {
  it.each([
    ['an agent token for ever', 'agent-token', 'no_progress'],
    ['a person token for ever', 'person-token', 'no_progress'],
    ['an auth token of nobody', 'auth-token', 'bad_challenge'],
    ['something unheard of', 'blood-sample', 'unknown_requirement'],
  ])('that requires %s', async (_, requirement, code) => {
    const { asked } = await liar((_request, response) => challenge(response, requirement))
    expect((await ask()).code).toBe(code)
    expect(asked.length).toBeLessThan(4)
  })

  it('that sends from one token to the other ends', async () => {
    let turn = 0
    const { asked } = await liar((_request, response) =>
      challenge(response, turn++ % 2 === 0 ? 'person-token' : 'agent-token'),
    )
    expect((await ask()).code).toBe('no_progress')
    expect(asked.length).toBeLessThan(12)
  })

  it('that wants more scope each time asks the person a few times, and no more', async () => {
    const key = createKey()
    let asked = 0
    const dad = town.person('dad', {
      consent: () => {
        asked++
        return true
      },
    })
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`)
    const answer: Answering = async (request, response) => {
      const jwt = /jwt="([^"]+)"/.exec(String(request.headers['signature-key']))?.[1] ?? ''
      const said = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
      if (said.aud === undefined) return challenge(response, 'person-token')
      const { iss, sub, jti } = said
      const bound = { aud: iss, ps: iss, sub, presented_jti: jti, agent_jkt: key.jkt }
      const scope = names.slice(0, asked + 1).join(' ')
      const token = await shop.mint('aa-resource+jwt', { ...bound, scope })
      challenge(response, `auth-token;resource-token="${token}"`)
    }
    const scope_descriptions = Object.fromEntries(names.map((name) => [name, name]))
    const shop = await liar(answer, host, 'aauth-resource.json', { scope_descriptions })
    const error = await errorOf(agentOf(town, { person: dad, townKey: key }).fetch(url, post))
    expect(error.code).toBe('no_progress')
    expect(asked).toBeGreaterThan(1)
    expect(asked).toBeLessThan(9)
  })

  it('that requires component after component ends', async () => {
    let turn = 0
    await liar((_request, response) =>
      write(response, 401, {
        'signature-error': `error=invalid_input, required_input=("@query" "x-${turn++}")`,
      }),
    )
    const response = agentOf(town, { person: mom, limits: { steps: 50 } }).fetch(url, post)
    expect((await response).status).toBe(401)
    expect(turn).toBeLessThan(40)
  })

  it('that requires a component which cannot be', async () => {
    await liar((_request, response) =>
      write(response, 401, { 'signature-error': 'error=invalid_input, required_input=("@nonsense";x)' }),
    )
    expect((await ask()).code).toBe('bad_challenge')
  })

  it('that says wait for ever: as often as may be, and not one request more', async () => {
    const { asked } = await liar((_request, response) =>
      write(response, 202, deferral, '{"status":"pending"}'),
    )
    const error = await ask({ limits: { steps: 12 } })
    expect([error.code, error.steps.length, asked.length]).toEqual(['too_many_steps', 12, 12])
  })

  it('that says wait for a year', async () => {
    await liar((_request, response) => write(response, 202, { ...deferral, 'retry-after': '31536000' }))
    expect((await ask()).code).toBe('timed_out')
  })

  it.each([
    ['on another origin', { location: 'https://ps.example/pending/1' }],
    ['with a password', { location: 'https://a:b@shop.example/pending/1' }],
    ['that is no URL', { location: 'https://[' }],
    ['of another scheme', { location: 'http://shop.example/pending/1' }],
    ['that is within another', { location: 'blob:https://shop.example/pending/1' }],
    ['that is empty', { location: '' }],
  ])('with a pending URL %s', async (_, headers) => {
    const { asked } = await liar((_request, response) => write(response, 202, { ...deferral, ...headers }))
    expect((await ask()).code).toBe('bad_deferral')
    expect(asked).toHaveLength(1)
  })

  it.each([
    ['no page', 'interaction;code="A"'],
    ['a page that is not https', 'interaction;url="http://shop.example/i";code="A"'],
    ['a page with a query', 'interaction;url="https://shop.example/i?x=1";code="A"'],
    ['a script', 'interaction;url="javascript:alert(1)";code="A"'],
  ])('that asks a person to open %s', async (_, requirement) => {
    const opened: unknown[] = []
    await liar((_request, response) =>
      write(response, 202, { ...deferral, 'aauth-requirement': `requirement=${requirement}` }),
    )
    const error = await ask({ onInteraction: (interaction) => opened.push(interaction) })
    expect([error.code, opened]).toEqual(['bad_challenge', []])
  })

  it('that asks a person to open page after page', async () => {
    let turn = 0
    let opened = 0
    await liar((_request, response) => {
      const requirement = `requirement=interaction;url="https://shop.example/i";code="A${turn++}"`
      write(response, 202, { ...deferral, 'aauth-requirement': requirement })
    })
    const error = await ask({
      onInteraction: () => {
        opened++
      },
    })
    expect([error.code, opened]).toEqual(['no_progress', 5])
  })

  it('that asks question after question', async () => {
    const { asked } = await liar((_request, response) =>
      write(
        response,
        202,
        { ...deferral, 'aauth-requirement': 'requirement=clarification' },
        '{"clarification":"Why?"}',
      ),
    )
    let answered = 0
    const error = await ask({
      onClarification: ({ question, from }) => {
        answered++
        return `${question} ${from}`
      },
    })
    expect([error.code, answered]).toEqual(['clarification_required', 5])
    const answer = asked.find(({ method, path }) => method === 'POST' && path === '/pending/1')
    expect(JSON.parse(answer?.content ?? '')).toEqual({
      action: 'clarification_response',
      clarification_response: 'Why? https://shop.example',
    })
    expect(answer?.headers['signature-input']).toContain('"content-digest"')
    expect(asked.at(-1)).toMatchObject({ method: 'DELETE', path: '/pending/1' })
  })

  it.each([301, 302, 303, 307, 308])('that redirects with %i is not followed', async (status) => {
    const { asked } = await liar((_request, response) =>
      write(response, status, { location: 'https://ps.example/x' }),
    )
    const sam = agentOf(town, { person: mom })
    expect((await sam.fetch(url, post)).status).toBe(status)
    expect((await errorOf(sam.fetch(url, { ...post, redirect: 'error' }))).code).toBe('redirected')
    expect(asked).toHaveLength(2)
  })

  it('with a header that has no end', async () => {
    await liar((_request, response) =>
      write(response, 401, { 'aauth-requirement': `requirement=x;y="${'z'.repeat(70_000)}"` }),
    )
    expect((await ask()).code).toBe('unreachable')
  })

  it('that never answers', async () => {
    await liar(() => undefined)
    expect((await ask({ limits: { exchange: 200 } })).code).toBe('unreachable')
    expect((await ask({ limits: { time: 200 } })).code).toBe('timed_out')
  })

  it('that breaks off is not asked a second time', async () => {
    const { asked } = await liar((request) => request.socket.destroy())
    expect((await ask()).code).toBe('unreachable')
    expect(asked).toHaveLength(1)
  })

  it('that loses a poll is polled again', async () => {
    let turn = 0
    const { asked } = await liar((request, response) => {
      turn++
      if (turn === 1) write(response, 202, deferral)
      else if (turn < 4) request.socket.destroy()
      else write(response, 201, {}, 'sold')
    })
    const response = await agentOf(town, { person: mom }).fetch(url, post)
    expect([response.status, await response.text()]).toEqual([201, 'sold'])
    expect(asked.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'GET'])
  })

  it.each([
    ['504', 504, {}, '<html>504 Gateway Time-out</html>', 5],
    ['502 and when to come again', 502, { 'retry-after': '7' }, '', 7],
    ['503', 503, {}, '{"error":"overloaded"}', 5],
    [
      '504 of a gateway that speaks JSON',
      504,
      { 'content-type': 'application/json' },
      '{"message":"late"}',
      5,
    ],
  ])('whose proxy cuts polls off with %s is polled again', async (_, status, headers, content, pause) => {
    let turn = 0
    const pauses: number[] = []
    const { asked } = await liar((_request, response) => {
      turn++
      if (turn === 1) write(response, 202, deferral)
      else if (turn < 7) write(response, status, headers, content)
      else write(response, 201, {}, 'sold')
    })
    const wait = async (seconds: number) => void pauses.push(seconds)
    const response = await agentOf(town, { person: mom, wait }).fetch(url, post)
    expect([response.status, await response.text()]).toEqual([201, 'sold'])
    expect(asked.map(({ method }) => method)).toEqual(['POST', ...Array.from({ length: 6 }, () => 'GET')])
    const growing = pause === 7 ? [7, 7, 7, 7, 7] : [5, 10, 20, 40, 60]
    expect(pauses).toEqual([0, ...growing])
  })

  it('whose proxy cuts off every poll ends in time', async () => {
    let turn = 0
    await liar((_request, response) =>
      turn++ === 0 ? write(response, 202, deferral) : write(response, 504, {}, 'late'),
    )
    const error = await ask({ limits: { time: 60_000 } })
    expect(error.code).toBe('timed_out')
  })

  it('that was asked once more, and answers that a supplier failed, has answered', async () => {
    let turn = 0
    const { asked } = await liar((_request, response) => {
      if (turn++ === 0) write(response, 202, deferral)
      else write(response, 502, { 'content-type': 'application/problem+json' }, '{"error":"supplier_failed"}')
    })
    const response = await agentOf(town, { person: mom }).fetch(url, post)
    expect([response.status, await response.json()]).toEqual([502, { error: 'supplier_failed' }])
    expect(asked).toHaveLength(2)
  })

  it('that says a 403 is about the signature', async () => {
    await liar((_request, response) => write(response, 403, { 'signature-error': 'error=invalid_jwt' }))
    expect((await ask()).code).toBe('bad_answer')
  })

  it('gives no session that would break the header', async () => {
    const { asked } = await liar((_request, response) =>
      write(response, 200, { 'aauth-access': 'a, AAuth b' }),
    )
    const sam = agentOf(town, { person: mom })
    await sam.fetch(url)
    await sam.fetch(url)
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  })
})

describe('a resource token', () => {
  const spoilt: [string, MintOverrides['claims']][] = [
    ['of another resource', { iss: 'https://ps.example', dwk: 'aauth-resource.json' }],
    ['for another key', { agent_jkt: createKey().jkt }],
    ['for another person server', { ps: 'https://other.example' }],
    ['about another person', { sub: 'somebody' }],
    ['for another presented token', { presented_jti: 'other' }],
    ['with a tenant out of nowhere', { tenant: 'school' }],
    ['that has ended', { iat: 1, exp: 2 }],
  ]
  it.each(spoilt)('%s never gets to the person server', async (_, claims) => {
    const key = createKey()
    const shop = await liar(async (request, response) => {
      const jwt = /jwt="([^"]+)"/.exec(String(request.headers['signature-key']))?.[1] ?? ''
      const said = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
      if (said.aud === undefined) return challenge(response, 'person-token')
      const token = await shop.mint('aa-resource+jwt', {
        aud: said.iss,
        ps: said.iss,
        sub: said.sub,
        presented_jti: said.jti,
        agent_jkt: key.jkt,
        scope: 'buy',
        ...claims,
      })
      challenge(response, `auth-token;resource-token="${token}"`)
    })
    const error = await errorOf(agentOf(town, { person: mom, townKey: key }).fetch(url, post))
    expect(error.code).toBe('bad_resource_token')
    expect(town.ledger.filter(({ url: to }) => to === 'https://ps.example/token')).toEqual([])
    expect(error.steps.map(({ url: to }) => to)).not.toContain('https://ps.example/token')
  })
})

describe('a person server that lies', () => {
  const key = createKey()
  const ps = 'https://evil.example'
  const lying = async (answer: Answering): Promise<Liar> => {
    await liar((_request, response) => challenge(response, 'person-token'))
    const metadata = { person_token_endpoint: `${ps}/person`, auth_token_endpoint: `${ps}/token` }
    return liar(answer, 'evil.example', 'aauth-person.json', metadata)
  }
  const asked = (options: Partial<AgentOptions> = {}) =>
    errorOf(agentOf(town, { townKey: key, personServer: ps, ...options }).fetch(url, post))
  const reply = (response: ServerResponse, value: unknown, status = 200): void =>
    write(response, status, { 'content-type': 'application/json' }, JSON.stringify(value))

  it.each([
    ['another audience', { aud: 'https://other.example' }],
    ['two audiences', { aud: [`https://${host}`, 'https://other.example'] }],
    ['another key', { cnf: { jwk: createKey().cnf } }],
    ['another issuer', { iss: 'https://ps.example' }],
    ['nobody', { sub: undefined }],
    ['an end in the past', { iat: 1, exp: 2 }],
  ])('with a person token of %s', async (_, claims) => {
    const evil = await lying(async (_request, response) => {
      const token = await evil.mint('aa-person+jwt', {
        aud: `https://${host}`,
        sub: 'mom',
        cnf: { jwk: key.cnf },
        ...claims,
      })
      reply(response, { person_token: token })
    })
    expect((await asked()).code).toBe('bad_person_token')
  })

  it.each([
    ['no JSON', 'bad_answer', (r: ServerResponse) => write(r, 200, {}, 'hello')],
    ['a list', 'bad_answer', (r: ServerResponse) => reply(r, [])],
    ['no token', 'bad_person_token', (r: ServerResponse) => reply(r, {})],
    [
      'more than anybody reads',
      'bad_answer',
      (r: ServerResponse) => reply(r, { person_token: 'x'.repeat(200_000) }),
    ],
    ['a redirect', 'http_302', (r: ServerResponse) => write(r, 302, { location: 'https://shop.example/' })],
    ['a word of its own', 'denied', (r: ServerResponse) => reply(r, { error: 'denied' }, 403)],
    ['no word', 'http_400', (r: ServerResponse) => reply(r, { error: 'EY J.hb' }, 400)],
  ])('with %s', async (_, code, answer) => {
    await lying((_request, response) => answer(response))
    expect((await asked()).code).toBe(code)
  })

  it('and sends what it was given back has no token in anything that is logged', async () => {
    const evil = await lying((request, response, content) => {
      const jwt = /jwt="([^"]+)"/.exec(String(request.headers['signature-key']))?.[1]
      reply(response, { error: `x${jwt}`, detail: `no: ${jwt} ${content} ${jwt?.split('.').join(' ')}` }, 400)
    })
    const error = await asked()
    const jwt = /jwt="([^"]+)"/.exec(String(evil.asked[0]?.headers['signature-key']))?.[1] ?? ''
    const { inspect } = await import('node:util')
    const logged = `${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}${error.stack}${error.detail}`
    for (const part of jwt.split('.')) {
      expect(part.length).toBeGreaterThan(20)
      expect(logged).not.toContain(part.slice(0, 24))
    }
    expect(error.detail).toContain('no: …')
  })

  it('is not reached by way of another scheme', async () => {
    await liar((_request, response) => challenge(response, 'person-token'))
    await liar(() => undefined, 'evil.example', 'aauth-person.json', {
      person_token_endpoint: 'http://evil.example/p',
    })
    expect((await asked()).code).toBe('bad_answer')
  })
})

describe('the agent itself', () => {
  it('without a person server says so', async () => {
    await liar((_request, response) => challenge(response, 'person-token'))
    expect((await errorOf(agentOf(town).fetch(url, post))).code).toBe('no_person')
  })

  it.each([
    ['of another key', () => town.ap.mintAgentToken({ name: 'sam', cnf: createKey().cnf })],
    ['that is none', () => 'nonsense'],
    ['that nobody can bring', () => Promise.reject(new Error('no provider'))],
  ])('sends nothing with an agent token %s', async (_, agentToken) => {
    const { asked } = await liar((_request, response) => write(response, 200, {}))
    expect((await ask({ agentToken })).code).toBe('bad_agent_token')
    expect(asked).toEqual([])
  })

  it('sends nothing of content that is too long', async () => {
    const { asked } = await liar((_request, response) => write(response, 200, {}))
    let pulled = 0
    const endless = new ReadableStream({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(1000))
      },
    })
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit
    const sam = agentOf(town, { person: mom, limits: { requestBytes: 5000 } })
    expect((await errorOf(sam.fetch(url, init))).code).toBe('content_too_large')
    expect([asked.length, pulled < 20]).toEqual([0, true])
  })

  it('ends with the reason of its signal, wherever it is', async () => {
    const reason = new Error('enough')
    const abort = new AbortController()
    const at = (when: number): Answering => {
      let turn = 0
      return (_request, response) => {
        if (++turn === when) abort.abort(reason)
        else write(response, 202, deferral)
      }
    }
    await liar(at(3))
    const sam = agentOf(town, { person: mom })
    await expect(sam.fetch(url, { ...post, signal: abort.signal })).rejects.toBe(reason)
    await expect(sam.fetch(url, { ...post, signal: abort.signal })).rejects.toBe(reason)
    const waiting = new AbortController()
    const patient = agentOf(town, {
      person: mom,
      onInteraction: () => new Promise(() => waiting.abort(reason)),
      agentToken: () => new Promise(() => waiting.abort(reason)),
    })
    await expect(patient.fetch(url, { ...post, signal: waiting.signal })).rejects.toBe(reason)
  })

  it('streams an answer however long it is, and stops when it is cancelled', async () => {
    let written = 0
    const closed = new Promise<void>((resolve) => {
      void liar((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        const chunk = Buffer.alloc(64 * 1024)
        const more = (): void => {
          while (response.write(chunk)) written += chunk.length
          response.once('drain', more)
        }
        response.once('close', () => resolve())
        more()
      })
    })
    while (town.loopback[host] === undefined) await new Promise((resolve) => setImmediate(resolve))
    const response = await agentOf(town, { person: mom }).fetch(url)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let read = 0
    while (read < 4 * 1024 * 1024) read += (await reader.read()).value?.length ?? 0
    await reader.cancel()
    await closed
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it.each([
    ['key', { key: 'x' as unknown as object }],
    ['key', { key: { kty: 'OKP' } }],
    ['agentToken', { agentToken: undefined as unknown as string }],
    ['personServer', { personServer: 'https://ps.example/' }],
    ['wallet', { wallet: {} as NonNullable<AgentOptions['wallet']> }],
    ['capabilities', { capabilities: ['a, b'] }],
    ['limits.steps', { limits: { steps: 0 } }],
    ['limits.stepz', { limits: { stepz: 1 } as NonNullable<AgentOptions['limits']> }],
    ['issuers.allow', { issuers: { allow: ['x'] } }],
    ['personserver', { personserver: 'x' } as Partial<AgentOptions>],
  ])('says which option is wrong: %s', (name, options) => {
    expect(() => agentOf(town, options)).toThrow(new RegExp(`^option ${name}`))
  })

  it('speaks https only', async () => {
    const fetching = agentOf(town).fetch('http://127.0.0.1:3000/secret?of=mom')
    await expect(fetching).rejects.toThrow(TypeError)
    await expect(fetching).rejects.toThrow(/not http:\/\/127\.0\.0\.1:3000; in a test town\.route/)
  })
})
