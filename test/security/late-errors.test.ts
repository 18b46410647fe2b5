import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import express, { type ErrorRequestHandler } from 'express'
import express4 from 'express4'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const frameworks = [
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
] as const

describe.each(frameworks)('what fails late beside a guard, under %s', (_name, framework) => {
  const unhandled = vi.fn()
  let server: Server
  beforeEach(() => {
    unhandled.mockClear()
    process.on('unhandledRejection', unhandled)
  })
  afterEach(() => {
    process.off('unhandledRejection', unhandled)
    server.close()
    server.closeAllConnections()
  })

  const told: ErrorRequestHandler = (error: Error, _req, res, _next) => {
    res.status(500).end(error.message)
  }

  async function get(app: ReturnType<typeof express>, path: string): Promise<[number, string]> {
    server = app.use(told).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
      headers: { host: 'rs.example' },
    })
    return [answer.status, await answer.text()]
  }

  const guard = aauth({ resource: 'https://rs.example' })

  it.each([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
  ])('another way in that %s is told to the application', async (_how, or) => {
    const handler = vi.fn()
    const app = framework().get('/', guard.require({ identity: 'agent', or }), handler)
    expect(await get(app, '/')).toEqual([500, 'down'])
    expect(handler).not.toHaveBeenCalled()
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('an endpoint of ours is told to the application', async () => {
    const failing = aauth({ resource: 'https://rs.example' })
    vi.spyOn(failing.server, 'handle').mockRejectedValue(new Error('down'))
    expect(await get(framework().use(failing.endpoints()), '/')).toEqual([500, 'down'])
    expect(unhandled).not.toHaveBeenCalled()
  })
})
