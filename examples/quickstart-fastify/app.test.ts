import { deepEqual, equal } from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { AgentGaveUp, createTown } from '@countersign/devkit'
import { createApp } from './app.ts'

// The rest of the world, on loopback: somebody's agent, and the server that speaks for this person.
const town = await createTown()
const app = await createApp({ fetch: town.fetch, clock: town.clock })
await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as AddressInfo
town.route('notes.example', port)
after(() => Promise.all([town.close(), app.close()]))

test('a request that nobody signed is told what is missing', async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/notes`)
  equal(answer.status, 401)
  equal(answer.headers.get('AAuth-Requirement'), 'requirement=person-token')
})

test('an agent is served once its person has agreed', async () => {
  const mom = town.person('mom', { consent: ({ scope }) => scope.includes('notes.read') })
  const answer = await town.agent('sam', { person: mom }).fetch('https://notes.example/notes')
  equal(answer.status, 200)
  const { notesOf } = (await answer.json()) as { notesOf: object }
  deepEqual(Object.keys(notesOf), ['ps', 'sub'])
})

test('an agent is not served when its person says no', async () => {
  const dad = town.person('dad', { consent: () => false })
  const max = town.agent('max', { person: dad })
  const refused = await max.fetch('https://notes.example/notes').catch((error: unknown) => error)
  equal(refused instanceof AgentGaveUp && refused.code, 'denied')
})
