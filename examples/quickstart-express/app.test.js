import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { createTown } from '@countersign/devkit'
import { createApp } from './app.js'

// The rest of the world, on loopback: somebody's agent, and the server that speaks for this person.
const town = await createTown()
const server = createApp({ fetch: town.fetch, clock: town.clock }).listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()
town.route('notes.example', port)
after(() => Promise.all([town.close(), server.close()]))

test('a request that nobody signed is told what is missing', async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/notes`)
  equal(answer.status, 401)
  equal(answer.headers.get('AAuth-Requirement'), 'requirement=person-token')
})

test('an agent is served once its person has agreed', async () => {
  const mom = town.person('mom', { consent: ({ scope }) => scope.includes('notes.read') })
  const answer = await town.agent('sam', { person: mom }).fetch('https://notes.example/notes')
  equal(answer.status, 200)
  deepEqual(Object.keys((await answer.json()).notesOf), ['ps', 'sub'])
})

test('an agent is not served when its person says no', async () => {
  const dad = town.person('dad', { consent: () => false })
  const max = town.agent('max', { person: dad })
  const refused = await max.fetch('https://notes.example/notes').catch((error) => error)
  equal(refused.code, 'denied')
})
