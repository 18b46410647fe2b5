import { decodeJwt } from 'jose'
import { now } from './cast.js'
import { EndpointStage, type Sent, type Where } from './endpoint-stage.js'
import type { Received } from './inner.js'
import { type Target, wrong } from './target.js'

/** What each endpoint answers; nothing else is documented. */
const documented: ReadonlyMap<Where, readonly number[]> = new Map([
  ['authorize', [200, 202, 400, 401, 403, 405, 413, 429]],
  ['revoke', [200, 400, 401, 403, 405, 413, 429]],
  ['page', [200, 303, 400, 403, 405, 410, 413]],
  ['poll', [200, 202, 204, 400, 401, 403, 404, 405, 408, 410, 413, 429]],
])
const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])

/** Requests to one pair of stages: their tokens live ten minutes, and each request takes a second of them. */
const longest = 400
let served = longest
let time = now * 1000
let stages: readonly [EndpointStage, EndpointStage] | undefined

async function pair(): Promise<readonly [EndpointStage, EndpointStage]> {
  time += 1000
  if (served++ < longest && stages !== undefined) return stages
  served = 0
  time = now * 1000
  for (const stage of stages ?? []) stage.close()
  const clock = (): number => time
  stages = [await EndpointStage.open('express', clock), await EndpointStage.open('fastify', clock)]
  return stages
}

/** What an endpoint was sent, and has done. */
interface Done {
  readonly where: Where
  readonly sent: Sent
  readonly answer: Received
  readonly stage: EndpointStage
}

async function sendTo(stage: EndpointStage, where: Where, sent: Sent): Promise<number> {
  // Whatever it takes to have something to decide is made before it is watched.
  await stage.ready(where)
  stage.store.changed()
  const answer = await stage.send(where, sent)
  const { status } = answer
  if (documented.get(where)?.includes(status) !== true)
    wrong(`${where} answers ${status}: ${answer.body.slice(0, 300)}`)
  // The mark by which a store that was emptied is known is written as time passes, whoever comes.
  const changed = stage.store.changed().filter((key) => !key.endsWith(':mark') && !isGivenBack(stage, key))
  if (status >= 400 && changed.length > 0)
    wrong(`${where} answers ${status}, and has changed ${changed.join(' ')}`)
  await check({ where, sent, answer, stage })
  return status
}

/** Whether it is of a signature that may be used as before. */
function isGivenBack({ store }: EndpointStage, key: string): boolean {
  const signature = /^replay:[^:]+/.exec(key)?.[0]
  return signature !== undefined && store.get(signature)?.endsWith(' unused') === true
}

/** What was done was asked for. */
async function check({ where, sent, answer, stage }: Done): Promise<void> {
  const { status, body } = answer
  // As our own endpoints read it: without a byte order mark.
  const text = new TextDecoder().decode(sent.body)
  if (where === 'authorize' && status === 200) {
    const { scope } = JSON.parse(text) as { readonly scope: string }
    const { resource_token: token } = JSON.parse(body) as { readonly resource_token: string }
    const granted = String(decodeJwt(token)['scope']).split(' ')
    if (!granted.every((name) => scope.split(' ').includes(name))) wrong(`is granted ${granted.join(' ')}`)
  }
  if (where === 'revoke' && status === 200) {
    const { jti, exp } = JSON.parse(text) as { readonly jti?: unknown; readonly exp?: unknown }
    const isToken = typeof jti === 'string' && jti !== '' && typeof exp === 'number' && exp > 0
    // No token that is accepted lives longer than an hour, of whoever's clock.
    if (!isToken || exp > time / 1000 + 2 * 3600) wrong('revoked what is no token')
  }
  if (
    where === 'page' &&
    stage.page !== undefined &&
    (await stage.aauth.pending.find(stage.page.id)) === undefined
  ) {
    stage.page = undefined
    const form = new URLSearchParams(text)
    if (sent.method !== 'POST' || form.get('token') !== 'TOKEN')
      wrong('decided without the token of the form')
    if (!['approve', 'decline'].includes(form.get('decision') ?? '')) wrong('decided what was not said')
  }
  if (where !== 'poll' || stage.poll === undefined) return
  const said = await stage.aauth.pending.clarification(stage.poll.id)
  if (said !== undefined) {
    const { action, clarification_response: response } = JSON.parse(text) as {
      readonly action?: unknown
      readonly clarification_response?: unknown
    }
    if (sent.method !== 'POST' || action !== 'clarification_response' || said !== response)
      wrong('answered what was not said')
  }
  if (said !== undefined || (sent.method === 'DELETE' && status === 204)) stage.poll = undefined
}

/** Whether only who signs is answered there. */
const isOfSigners = (name: string): boolean => /^(?:revoke|authorize|pending)(?:[/?]|$)/.test(name)

/**
 * A line with the method, the endpoint and the type of the content, and the content: what strangers who may call our own
 * endpoints send there, through both frameworks, which must agree. `TOKEN` is the token of the form.
 */
export const endpoints: Target = {
  name: 'endpoints',
  weight: 4,
  seeds: [
    'POST authorize application/json\n{"scope":"data.read"}',
    'POST authorize application/json; charset=utf-8\n{"scope":"data.read openid","account":"joint"}',
    'POST revoke application/json\n{"jti":"token-2","exp":1800000500}',
    'POST revoke application/json\n{"jti":"token-3","exp":1700000000.5,"iss":"https://ps.example"}',
    'POST page application/x-www-form-urlencoded\ntoken=TOKEN&decision=approve',
    'POST page application/x-www-form-urlencoded\ndecision=decline&token=TOKEN',
    'POST page multipart/form-data; boundary=x\n--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nTOKEN\r\n--x--',
    'POST page application/x-www-form-urlencoded\ndecision=approve&token=x&other=TOKEN',
    'POST page application/x-www-form-urlencoded\ndecision=decline',
    'POST page application/x-www-form-urlencoded\ntoken=TOKEN&decision=agree',
    'GET page text/html\n',
    'POST poll application/json\n{"action":"cancel","clarification_response":"It is Monday"}',
    'POST poll application/json\n{"action":"clarification_response","clarification_response":"It is Monday"}',
    'POST poll application/json\n{"action":"updated_request","updated_request":{}}',
    'GET poll \n',
    'DELETE poll \nx',
    'POST interact/AAAAAAAAAAAAAAAAAAAAAA?code=ABCD-EFGH application/x-www-form-urlencoded\ntoken=x',
    'GET callback?pending=x&error=y \n',
    'POST revoke? application/json\n{"jti":"token-2","exp":1800000500}',
    'POST authorize? application/json\n{"scope":"data.read"}',
    'DELETE pending/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \n',
  ].map((text) => Buffer.from(text)),
  async run(input) {
    const end = input.indexOf(10)
    const [method = '', name = '', ...type] = input.toString('latin1', 0, Math.max(0, end)).split(' ')
    const sent: Sent = {
      method: methods.has(method) ? method : 'POST',
      type: type
        .join(' ')
        .replace(/[^\x20-\x7e]/g, '')
        .trim(),
      body: input.subarray(end + 1),
    }
    const both = await pair()
    if (documented.has(name as Where)) {
      const [one, other] = [
        await sendTo(both[0], name as Where, sent),
        await sendTo(both[1], name as Where, sent),
      ]
      if (one !== other) wrong(`${name} is answered ${one} with Express, and ${other} with Fastify`)
      return
    }
    // Paths that the frameworks do not read alike are nothing of ours.
    const path = `/aauth/${name.replace(/[^\x21-\x7e]/g, '').slice(0, 200)}`
    for (const stage of both) {
      stage.store.changed()
      const { status, body } = await stage.stray(path, sent)
      if (status >= 500) wrong(`${path} answers ${status}: ${body.slice(0, 300)}`)
      // Nobody has signed it, so whatever it asks for is not done.
      const changed = stage.store.changed().filter((key) => !key.endsWith(':mark'))
      if (changed.length > 0) wrong(`${path} answers ${status}, and has changed ${changed.join(' ')}`)
      if (isOfSigners(name) && status < 400) wrong(`${path} answers ${status} to nobody`)
    }
  },
}
