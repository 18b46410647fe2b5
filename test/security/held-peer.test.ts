import { once } from 'node:events'
import { request as requestHttp, type Server } from 'node:http'
import { createServer, request as requestHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createMemoryStore, type PendingView } from '@countersign/core'
import { createTown, type Town, type WireRequest } from '@countersign/devkit'
import { aauth, approval } from '@countersign/express'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../issuer/loopback.js'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'

interface Sent {
  readonly status: number
  readonly location: string | undefined
  readonly localPort: number | undefined
}

/** Sends from an address of its own. */
function sendFrom(
  localAddress: string,
  port: number,
  { method, target, rawHeaders, body }: WireRequest,
  tls?: { readonly ca: string; readonly servername: string },
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      localAddress,
      method,
      path: target,
      headers: rawHeaders as unknown as Record<string, string>,
      agent: false as const,
    }
    const outgoing = tls === undefined ? requestHttp(options) : requestHttps({ ...options, ...tls })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const { localPort } = response.socket
      response
        .resume()
        .on('end', () =>
          resolve({ status: response.statusCode as number, location: response.headers.location, localPort }),
        )
    })
    outgoing.end(body)
  })
}

interface Facts {
  readonly remoteAddress?: unknown
  readonly remotePort?: unknown
  readonly localAddress?: unknown
  readonly localPort?: unknown
  readonly encrypted?: unknown
  readonly servername?: unknown
}
const factsOf = (raw: unknown): Facts => {
  const { socket, ip, protocol } = raw as { socket: Facts; ip: unknown; protocol: unknown }
  const { remoteAddress, remotePort, localAddress, localPort, encrypted, servername } = socket
  return { remoteAddress, remotePort, localAddress, localPort, encrypted, servername, ip, protocol } as Facts
}

describe.each(adapters)('where a held call came from [adapter %s]', (adapter) => {
  let stage: Stage
  afterEach(() => stage.close())

  it('is what its handler sees, not where the poll came from', async () => {
    const asked: PendingView[] = []
    const seen: Facts[] = []
    const table: readonly TargetRoute[] = [
      {
        method: 'POST',
        path: '/pay',
        requirement: {
          identity: 'agent',
          policy: ({ request }) => {
            seen.push(factsOf(request.raw))
            return approval({ ask: (pending) => void asked.push(pending) })
          },
        },
        answer: () => ({}),
      },
    ]
    stage = await openStage(adapter, { store: createMemoryStore() }, table)
    const wire = await stage.sam.sign({ method: 'POST', url: `${resource}/pay` })
    const call = await sendFrom('127.0.0.2', stage.port, wire)
    await stage.aauth.pending.approve((asked[0] as PendingView).id)
    const poll = await stage.sam.sign({ url: call.location as string })
    expect((await sendFrom('127.0.0.3', stage.port, poll)).status).toBe(200)
    expect(seen).toHaveLength(2)
    expect(seen[0]).toMatchObject({
      remoteAddress: '127.0.0.2',
      remotePort: call.localPort,
      localPort: stage.port,
      ip: '127.0.0.2',
    })
    expect(seen[1]).toEqual(seen[0])
  })
})

describe('a held call that came by TLS', () => {
  let town: Town
  const servers: Server[] = []
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close()
      server.closeAllConnections()
    }
    await town.close()
  })

  it('is secure when it is carried out by a poll that did not, and the other way round', async () => {
    town = await createTown()
    const authority = await createAuthority()
    const asked: PendingView[] = []
    const seen: Facts[] = []
    const guard = aauth({ resource, fetch: town.fetchAs('rs.example') })
    const app = express().use(guard.endpoints())
    const policy = () => approval({ ask: (pending) => void asked.push(pending) })
    app.post('/pay', guard.require({ identity: 'agent', policy }), (req, res) => {
      seen.push({ ...factsOf(req), secure: req.secure } as Facts)
      res.end()
    })
    const certificate = await authority.issue('rs.example')
    const plain = app.listen(0, '127.0.0.1')
    const secure = createServer(certificate, app).listen(0, '127.0.0.1')
    servers.push(plain, secure)
    await Promise.all([once(plain, 'listening'), once(secure, 'listening')])
    const sam = town.agent('sam', { person: town.person('mom') })
    const portOf = (server: Server): number => (server.address() as AddressInfo).port
    const tls = { ca: authority.certificate, servername: 'rs.example' }
    for (const [callBy, pollBy] of [
      [secure, plain],
      [plain, secure],
    ] as const) {
      const send = async (server: Server, wire: WireRequest): Promise<Sent> =>
        sendFrom('127.0.0.1', portOf(server), wire, server === secure ? tls : undefined)
      const call = await send(callBy, await sam.sign({ method: 'POST', url: `${resource}/pay` }))
      await guard.server.pending.approve((asked.at(-1) as PendingView).id)
      expect((await send(pollBy, await sam.sign({ url: call.location as string }))).status).toBe(200)
      expect(seen.at(-1)).toMatchObject({ secure: callBy === secure, localPort: portOf(callBy) })
      expect(seen.at(-1)?.servername).toBe(callBy === secure ? 'rs.example' : undefined)
    }
    expect(seen).toHaveLength(2)
  })
})
