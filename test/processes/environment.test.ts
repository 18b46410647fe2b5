import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createKey, createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'

// Each starts processes of its own.
vi.setConfig({ testTimeout: 60_000 })

const started: ChildProcess[] = []
let town: Town
beforeEach(async () => {
  town = await createTown()
})
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await town.close()
})

/** An application of a process of its own, which says nothing that the environment can say. */
async function start(adapter: string, env: Readonly<Record<string, string>>): Promise<Started> {
  const args = [
    fileURLToPath(new URL('./environment-app.mjs', import.meta.url)),
    adapter,
    String(town.ap.server.port),
  ]
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:AAUTH_|NODE_ENV$)/.test(name)),
  )
  const child = spawn(process.execPath, args, {
    env: { ...clean, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => {
    said += String(bytes)
  })
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^listening (\d+)$/.exec(line)?.[1]
    if (port === undefined) continue
    town.route('rs.example', Number(port))
    return { child, ended, said: () => said }
  }
  await ended
  throw new Error(said)
}

interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<unknown[]>
  said(): string
}

const key = JSON.stringify({ ...createKey().privateJwk, kid: 'mine' })
const kids = async (): Promise<unknown> => {
  const answer = await town.fetch('https://rs.example/.well-known/jwks.json')
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

describe.each(['express', 'fastify'])('an application that says nothing itself [adapter %s]', (adapter) => {
  it('is what AAUTH_RESOURCE and AAUTH_SIGNING_KEYS say', async () => {
    const { said } = await start(adapter, {
      AAUTH_RESOURCE: 'https://rs.example',
      AAUTH_SIGNING_KEYS: key,
      NODE_ENV: 'production',
    })
    expect(await kids()).toEqual(['mine'])
    expect(said()).toBe('')
  })

  it('makes a key outside production, with one warning for the process, and does not start in it', async () => {
    const { said } = await start(adapter, { AAUTH_RESOURCE: 'https://rs.example' })
    expect(await kids()).toEqual([expect.any(String)])
    expect(said().match(/a key was made for this process/g)).toHaveLength(1)
    const refused = start(adapter, { AAUTH_RESOURCE: 'https://rs.example', NODE_ENV: 'production' })
    await expect(refused).rejects.toThrow('TypeError: option signingKeys: is missing')
    await expect(start(adapter, {})).rejects.toThrow(
      'TypeError: option resource: is missing, and AAUTH_RESOURCE is not set',
    )
  })
})

const withRedis = redisBinary === undefined && process.env['COUNTERSIGN_REDIS'] !== 'required'
describe.skipIf(withRedis).each(['express', 'fastify'])(
  'an application whose Redis is down at boot [adapter %s]',
  (adapter) => {
    let redis: TestRedis
    beforeEach(async () => {
      redis = await startRedis()
    })
    afterEach(() => redis.stop())

    const env = (): Record<string, string> => ({
      AAUTH_RESOURCE: 'https://rs.example',
      AAUTH_SIGNING_KEYS: key,
      AAUTH_REDIS_URL: redis.url,
    })
    const ask = async (): Promise<number> =>
      (await town.agent('sam').request({ url: 'https://rs.example/notes' })).status
    const until = async (status: number): Promise<void> => {
      while ((await ask()) !== status) await new Promise((resolve) => setImmediate(resolve))
    }

    it('starts, refuses what needs the store, recovers by itself, and ends in time', async () => {
      await redis.kill()
      const { child, ended, said } = await start(adapter, env())
      expect([await ask(), await ask()]).toEqual([503, 503])
      // What needs no store is answered.
      expect(await kids()).toEqual(['mine'])
      // Until the first attempt has failed that is only a warning.
      while (!said().includes('store-failed')) await ask()
      expect(said()).toMatch(/aauth: store-failed: (?:read|write): failed: not connected to 127\.0\.0\.1:\d+/)
      await redis.start()
      await until(200)
      await redis.kill()
      await until(503)
      await redis.start()
      await until(200)
      child.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    })

    it('ends in time while there is still none', async () => {
      await redis.kill()
      const { child, ended } = await start(adapter, env())
      expect(await ask()).toBe(503)
      child.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    })
  },
)
