import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { contentDigest } from '@countersign/core/signature'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readTargetOptions } from './options.js'
import { adapters, startTarget } from './start.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const main = fileURLToPath(new URL('../dist/target/main.js', import.meta.url))

describe('the command line of the target', () => {
  it('turns on options of compat, several of them', () => {
    expect(readTargetOptions([], {}).compat).toEqual({})
    const names = ['personTokenJti', 'interactionCode', 'revocationWithoutExp']
    const all = names.flatMap((name) => ['--compat', name])
    expect(readTargetOptions(all, {}).compat).toEqual(Object.fromEntries(names.map((name) => [name, true])))
  })

  it.each(['toString', 'interactioncode', '', 'personTokenJti,revocationWithoutExp'])(
    'knows no --compat %s',
    (name) => {
      expect(() => readTargetOptions(['--compat', name], {})).toThrow(/--compat must be one of/)
    },
  )
})

describe.each(adapters)('the target as a process, on %s', (adapter) => {
  let town: Town
  let sam: Agent
  let child: ChildProcess | undefined
  const start = async (args: readonly string[], loopback: Readonly<Record<string, number>> = {}) => {
    const env = { ...process.env, COUNTERSIGN_LOOPBACK: JSON.stringify({ ...town.loopback, ...loopback }) }
    child = spawn(process.execPath, [main, '--adapter', adapter, '--port', '0', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
    const [line] = (await once(lines, 'line')) as [string]
    town.route('rs.example', Number(/^listening 127\.0\.0\.1:(\d+)$/.exec(line)?.[1]))
  }
  beforeEach(async () => {
    town = await createTown()
    sam = town.agent('sam', { person: town.person('mom') })
  })
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await town.close()
  })

  const revokeWithoutExp = async (): Promise<number> => {
    const body = JSON.stringify({ iss: town.ps.id, jti: 'lost' })
    const response = await town.ps.server.request({
      method: 'POST',
      url: 'https://rs.example/aauth/revoke',
      headers: { 'Content-Type': 'application/json', 'Content-Digest': contentDigest(Buffer.from(body)) },
      body,
    })
    return response.status
  }

  it('buys from the supplier that it is told of, by way of the loopback', async () => {
    const orders: unknown[] = []
    const supplier = await startTarget(
      adapter,
      0,
      { resource: 'https://mill.example', fetch: town.fetchAs('mill') },
      [
        {
          method: 'POST',
          path: '/orders',
          requirement: { scope: 'data.write' },
          status: 201,
          answer: ({ body }) => {
            orders.push(JSON.parse(String(body)))
            return { order: orders.length }
          },
        },
      ],
    )
    town.route('mill.example', supplier.port)
    await start(['--supplier', 'https://mill.example'])
    const response = await sam.fetch('https://rs.example/order', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })
    expect([response.status, await response.json()]).toEqual([
      200,
      { supplier: { status: 201, body: { order: 1 } } },
    ])
    expect(orders).toEqual([{ bread: 2 }])
    await supplier.close()
  })

  it('records a revocation without exp where --compat says so (G-73)', async () => {
    await start(['--compat', 'revocationWithoutExp'])
    expect(await revokeWithoutExp()).toBe(200)
    expect((await sam.fetch('https://rs.example/data')).status).toBe(200)
  })

  it('appends one line to --audit for each request, across starts', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'target-audit-'))
    const file = join(folder, 'audit.jsonl')
    const run = async (): Promise<void> => {
      await start(['--audit', file])
      expect((await sam.fetch('https://rs.example/data')).status).toBe(200)
      child?.kill('SIGTERM')
      await once(child as ChildProcess, 'exit')
    }
    await run()
    const first = readFileSync(file, 'utf8')
    // The challenge for a person token, the one for an auth token, what is served then; and documents that were asked for.
    expect(first.match(/"outcome":"challenged"/g)).toHaveLength(2)
    expect(first.match(/"outcome":"served",[^{}]*"route":"\/data"/g)).toHaveLength(1)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await run()
    expect(readFileSync(file, 'utf8').startsWith(first)).toBe(true)
    rmSync(folder, { recursive: true })
  })

  it('refuses a revocation without exp, and reads no issuer without an end further than its guard would', async () => {
    let written = 0
    const endless = createServer((socket) => {
      const chunk = Buffer.alloc(64 * 1024, 0x20)
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n')
        const more = (): void => {
          while (!socket.destroyed && socket.write(chunk)) written += chunk.length
          if (!socket.destroyed) socket.once('drain', more)
        }
        more()
      })
    }).listen(0, '127.0.0.1')
    await once(endless, 'listening')
    await start([], { 'evil.example': (endless.address() as AddressInfo).port })
    expect(await revokeWithoutExp()).toBe(400)
    const token = await sam.mintAgentToken({
      claims: { iss: 'https://evil.example', sub: 'aauth:sam@evil.example' },
    })
    const answer = await sam.request({ url: 'https://rs.example/agent' }, { token })
    expect([answer.status, answer.headers.get('signature-error')]).toEqual([401, 'error=unknown_key'])
    expect(written).toBeLessThan(16 * 1024 * 1024)
    endless.close()
  })
})
