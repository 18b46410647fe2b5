import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { setInterval } from 'node:timers/promises'
import { createTown } from '@countersign/devkit'
import { SignJWT } from 'jose'
import { createApi } from './api.js'

const resource = 'https://notes.example'
const keys = { tokenSecret: new Uint8Array(32).fill(7), apiKey: 'partner-key', operatorKey: 'operator-key' }
const bearer = await new SignJWT()
  .setProtectedHeader({ alg: 'HS256' })
  .setSubject('ada')
  .setExpirationTime('5m')
  .sign(keys.tokenSecret)

/** The API in one of its modes, and a town in which it stands. */
async function start(enforce) {
  const town = await createTown()
  const events = []
  const { app, guard } = createApi({
    enforce,
    ...keys,
    fetch: town.fetch,
    clock: town.clock,
    onEvent: (event) => events.push(event),
  })
  // A Redis is connected to in the background, and who needs it before is refused.
  for await (const _ of setInterval(10)) if ((await guard.server.health()).ok) break
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${server.address().port}`
  town.route('notes.example', server.address().port)
  after(async () => {
    guard.server.close()
    server.close()
    await town.close()
    await guard.close()
  })
  const call = (headers = {}, path = '/notes', init = {}) => fetch(origin + path, { ...init, headers })
  const sam = town.agent('sam', { person: town.person('mom', { consent: () => true }) })
  return { town, sam, events, call }
}

const reported = await start(false)
const enforced = await start(true)

for (const [mode, { call }] of Object.entries({ reported, enforced })) {
  test(`${mode}: bearer tokens and the API key get in as before`, async () => {
    const answers = [
      await call({ Authorization: `Bearer ${bearer}` }),
      await call({ 'X-API-Key': keys.apiKey }),
      await call({ Authorization: `Bearer ${bearer}x` }),
      await call({ 'X-API-Key': 'another' }),
      await call(),
    ]
    deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 401, 401, 401],
    )
    deepEqual(await answers[0].json(), { notesOf: 'ada' })
    deepEqual(await answers[1].json(), { notesOf: 'partner' })
    for (const refused of answers.slice(2)) {
      equal(refused.headers.get('WWW-Authenticate'), 'Bearer')
      equal(refused.headers.has('AAuth-Requirement'), mode === 'enforced')
    }
  })
}

test('reported: a signed request is judged, and the old ways in decide', async () => {
  const { sam, events } = reported
  events.length = 0
  equal((await sam.fetch(`${resource}/notes`)).status, 401)
  const beside = await sam.fetch(`${resource}/notes`, { headers: [['X-API-Key', keys.apiKey]] })
  deepEqual(await beside.json(), { notesOf: 'partner' })
  const observed = events.filter(({ name }) => name === 'observed')
  deepEqual(
    observed.map(({ code, status }) => [code, status]),
    [
      ['person-token', 401],
      ['person-token', 401],
    ],
  )
})

test('enforced: an agent gets in, and a bad signature does not fall back to the key', async () => {
  const { sam, town } = enforced
  const answer = await sam.fetch(`${resource}/notes`)
  equal(answer.status, 200)
  equal((await answer.json()).notesOf.ps, town.ps.id)
  const headers = [['X-API-Key', keys.apiKey]]
  const signed = await sam.sign({ method: 'GET', url: `${resource}/notes`, headers })
  const place = signed.rawHeaders.indexOf('Signature') + 1
  const rawHeaders = signed.rawHeaders.with(place, signed.rawHeaders[place].replace(/:.{4}/, ':AAAA'))
  const refused = await sam.send({ ...signed, rawHeaders })
  equal(refused.status, 401)
  equal(refused.headers.get('Signature-Error'), 'error=invalid_signature')
})

test('enforced: what the person takes back is over at the next request', async () => {
  const { sam, town } = enforced
  await sam.fetch(`${resource}/notes`)
  const before = town.ps.issued.length
  await sam.fetch(`${resource}/notes`)
  equal(town.ps.issued.length, before)
  const { jti, exp } = town.ps.issued.at(-1)
  equal((await town.ps.revoke(jti, exp, resource)).outcome, 'recorded')
  // Refused with the token it has, the agent asks its person once more.
  equal((await sam.fetch(`${resource}/notes`)).status, 200)
  equal(town.ps.issued.length > before, true)
})

test('enforced: whom the operator denies is refused, and nobody else may deny', async () => {
  const { sam, call } = enforced
  const { notesOf: person } = await (await sam.fetch(`${resource}/notes`)).json()
  const body = JSON.stringify({ subject: { person }, reason: 'stolen phone' })
  const json = { 'Content-Type': 'application/json' }
  const denied = (headers) => call({ ...json, ...headers }, '/operator/denials', { method: 'POST', body })
  equal((await denied({})).status, 404)
  equal((await denied({ 'X-Operator-Key': keys.operatorKey })).status, 201)
  const refused = await sam.fetch(`${resource}/notes`)
  equal(refused.status, 403)
  equal((await refused.json()).error, 'access_denied')
})
