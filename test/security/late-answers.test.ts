import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTown } from '@countersign/devkit'
import { aauth, deny } from '@countersign/express'
import express from 'express'
import express4 from 'express4'
import { afterEach, describe, expect, it, vi } from 'vitest'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function listen(app: ReturnType<typeof express>): Promise<number> {
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('an answer that comes after the application has given up on the request, under %s', (_name, framework) => {
  it('is dropped, and ends no process', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    open.push(async () => process.off('unhandledRejection', unhandled))
    const town = await createTown()
    open.push(() => town.close())
    let waiting: ServerResponse | undefined
    const guard = aauth({ resource: 'https://rs.example', fetch: town.fetchAs('rs.example') })
    const app = framework()
    app.use((_req, res, next) => {
      waiting = res
      next()
    })
    const handler = vi.fn()
    app.get(
      '/',
      guard.require({
        identity: 'agent',
        policy: async () => {
          waiting?.writeHead(503).end()
          await new Promise(setImmediate)
          return deny()
        },
      }),
      handler,
    )
    town.route('rs.example', await listen(app))
    const sam = town.agent('sam', { person: town.person('mom') })
    const answer = await sam.fetch('https://rs.example/')
    expect(answer.status).toBe(503)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    expect(unhandled).not.toHaveBeenCalled()
    expect(handler).not.toHaveBeenCalled()
  })
})
