import { deepEqual, equal } from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { createTown, type Town } from '@countersign/devkit'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { createApp } from './app.js'

const url = 'https://notes.example/notes'
let town: Town
let app: NestExpressApplication
let port: number

before(async () => {
  // The rest of the world, on loopback: somebody's agent, and the server that speaks for this person.
  town = await createTown()
  app = await createApp({ fetch: town.fetch, clock: town.clock })
  await app.listen(0, '127.0.0.1')
  port = (app.getHttpServer().address() as AddressInfo).port
  town.route('notes.example', port)
})
after(() => Promise.all([town.close(), app.close()]))

test('requests that nobody signed are told what is missing, however they are written', async () => {
  for (const [method, path] of [
    ['GET', '/notes'],
    ['HEAD', '/notes'],
    ['GET', '/notes/'],
    ['GET', '/NOTES'],
    ['POST', '/notes'],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    equal(answer.status, 401, `${method} ${path}`)
    equal(answer.headers.get('AAuth-Requirement'), 'requirement=person-token')
  }
})

test('an agent reads and writes once its person has agreed', async () => {
  const sam = town.agent('sam', { person: town.person('mom', { consent: () => true }) })
  const read = await sam.fetch(url)
  equal(read.status, 200)
  const { notesOf } = (await read.json()) as { notesOf: object }
  deepEqual(Object.keys(notesOf), ['ps', 'sub'])
  const note = { title: 'Milk' }
  const headers: [string, string][] = [['Content-Type', 'application/json']]
  const written = await sam.fetch(url, { method: 'POST', headers, body: JSON.stringify(note) })
  equal(written.status, 201)
  deepEqual(await written.json(), { written: note, by: notesOf })
})

test('a person who lets an agent read has not let it write', async () => {
  const dad = town.person('dad', { consent: ({ scope }) => !scope.includes('notes.write') })
  const max = town.agent('max', { person: dad })
  equal((await max.fetch(url)).status, 200)
  const refused = await max.fetch(url, { method: 'POST' }).catch((error: { code?: string }) => error)
  equal((refused as { code?: string }).code, 'denied')
})
