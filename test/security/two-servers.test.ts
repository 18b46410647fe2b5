import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PendingView } from '@countersign/core'
import { createTown, type Town } from '@countersign/devkit'
import { aauth, approval } from '@countersign/express'
import express from 'express'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

describe('a held call that meets the guard of another resource on its way', () => {
  let town: Town
  let server: Server
  beforeEach(async () => {
    town = await createTown()
  })
  afterEach(async () => {
    server.close()
    server.closeAllConnections()
    await town.close()
  })

  it('is nobody’s there: what one server has verified, another has not', async () => {
    let calls = 0
    const asked: PendingView[] = []
    const fetch = town.fetchAs('rs.example')
    const first = aauth({ resource: 'https://rs.example', fetch })
    const second = aauth({ resource: 'https://vault.example', fetch, issuers: { allow: [] } })
    const app = express().use(first.endpoints())
    const policy = () => approval({ ask: (pending) => void asked.push(pending) })
    app.post('/', first.require({ identity: 'agent', policy }), second.require('agent'), (_req, res) => {
      calls++
      res.end()
    })
    server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    town.route('rs.example', (server.address() as AddressInfo).port)
    const sam = town.agent('sam', { person: town.person('mom') })
    const held = await sam.request({ method: 'POST', url: 'https://rs.example/' })
    expect(held.status).toBe(202)
    expect(await first.server.pending.approve((asked[0] as PendingView).id)).toBe(true)
    const answer = await sam.request({ url: held.headers.get('location') as string })
    expect([answer.status, answer.headers.get('aauth-requirement')]).toEqual([401, 'requirement=agent-token'])
    expect(calls).toBe(0)
  })
})
