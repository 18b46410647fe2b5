import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { vi } from 'vitest'
import { freePort } from './free-port.js'
import { redisBinary, said, startRedis, type TestRedis } from './redis-server.js'

/** A primary, its replica, and three sentinels that watch them. */
export interface Watched {
  readonly primary: TestRedis
  readonly replica: TestRedis
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  /** Resolves when the sentinels have promoted the replica. */
  failedOver(): Promise<void>
  stop(): Promise<void>
}

/** The name of the primary for the sentinels. */
export const watchedName = 'countersign'

/** @param settings of both servers */
export async function startWatched(...settings: readonly string[]): Promise<Watched> {
  const [primary, replica] = await Promise.all([startRedis(...settings), startRedis(...settings)])
  const setup = new Redis(replica.url)
  await setup.replicaof('127.0.0.1', primary.port)
  await vi.waitUntil(async () => (await setup.info('replication')).includes('master_link_status:up'), {
    timeout: 40_000,
  })
  setup.disconnect()
  const started = await Promise.all([1, 2, 3].map(() => startSentinel(primary.port)))
  const asked = new Redis({ port: started[0]?.port as number })
  const quorum = async (): Promise<boolean> => {
    const replicas = (await asked.call('SENTINEL', 'REPLICAS', watchedName)) as unknown[]
    const others = (await asked.call('SENTINEL', 'SENTINELS', watchedName)) as unknown[]
    return replicas.length === 1 && others.length === 2
  }
  await vi.waitUntil(quorum, { timeout: 40_000, interval: 100 })
  return {
    primary,
    replica,
    sentinels: started.map(({ port }) => ({ host: '127.0.0.1', port })),
    failedOver: async () => {
      const promoted = async (): Promise<boolean> => {
        const [, port] = (await asked.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', watchedName)) as string[]
        return Number(port) === replica.port
      }
      await vi.waitUntil(promoted, { timeout: 40_000, interval: 50 })
    },
    stop: async () => {
      asked.disconnect()
      for (const { stop } of started) stop()
      primary.resume()
      replica.resume()
      // Their data is not needed, and a replica without its primary is slow to end.
      await Promise.all([primary, replica].map((redis) => redis.kill()))
      await Promise.all([primary, replica].map((redis) => redis.stop()))
    },
  }
}

async function startSentinel(primary: number): Promise<{ readonly port: number; stop(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-sentinel-'))
  const port = await freePort()
  const file = join(directory, 'sentinel.conf')
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor ${watchedName} 127.0.0.1 ${primary} 2`,
      `sentinel down-after-milliseconds ${watchedName} 1500`,
      `sentinel failover-timeout ${watchedName} 3000`,
      '',
    ].join('\n'),
  )
  const child: ChildProcess = spawn(redisBinary as string, [file, '--sentinel'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await said(child, '+monitor')
  return {
    port,
    stop() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
