import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createKey, createTown, sendToLoopback, type Town } from '@countersign/devkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { locationOf } from '../waiting/stage.js'
import type { ClosingOptions } from './messages.js'

vi.setConfig({ testTimeout: 60_000 })

const script = fileURLToPath(new URL('../dist/processes/closing.js', import.meta.url))
const resource = 'https://rs.example'

describe('shutting down', () => {
  let town: Town
  beforeAll(async () => {
    town = await createTown()
  })
  afterAll(async () => town.close())

  for (const adapter of ['express', 'fastify'] as const) {
    for (const first of ['guard', 'server'] as const) {
      it(`${adapter}, the ${first} first: everything is answered, and the process ends long before a poll would`, async () => {
        const options: ClosingOptions = {
          adapter,
          first,
          signingKey: createKey('Ed25519', 'rs-1').privateJwk,
          loopback: town.loopback,
        }
        const child = fork(script, [JSON.stringify(options)], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        })
        try {
          const [{ port }] = (await once(child, 'message')) as [{ port: number }]
          const mom = town.person('mom')
          const sam = town.agent(`sam-${adapter}-${first}`, { person: mom })
          const { cnf } = sam.key
          const send = async (
            url: string,
            jti?: string,
            headers: readonly (readonly [string, string])[] = [],
          ) => {
            const token =
              jti === undefined
                ? undefined
                : await town.ps.mintPersonToken({ person: mom, resource, cnf }, { claims: { jti } })
            const request = { url, headers }
            return sendToLoopback(port, await sam.sign(request, token === undefined ? {} : { token }))
          }
          const opened = await send(`${resource}/session`, 'opened')
          const url = locationOf(opened)
          // An agent keeps its connections, and a poll lasts for as long as it says.
          const poll = send(url, 'polling', [['Prefer', 'wait=20']])
          const hanging = send(`${resource}/session`, 'hang')
          const working = send(`${resource}/slow`)
          for (let times = 0; times < 3; times++)
            expect((await send(`${resource}/session`, `other-${times}`)).status).toBe(202)

          const ended = once(child, 'exit')
          const start = performance.now()
          child.send('shut down')
          const [polled, hung, worked] = await Promise.all([poll, hanging, working])
          expect([polled.status, hung.status, worked.status]).toEqual([202, 503, 200])
          expect(await ended).toEqual([0, null])
          // The poll has asked for twenty seconds.
          expect(performance.now() - start).toBeLessThan(10_000)
        } finally {
          child.kill('SIGKILL')
        }
      })
    }
  }
})
