import { describe, expect, it } from 'vitest'
import { createRedisStore } from './index.js'

/** A minimal cluster of `ioredis`, whose answers can be delayed. */
function newCluster() {
  const entries = new Map<string, string>()
  const held = new Map<string, (() => void)[]>()
  const sent: string[] = []
  const client = {
    status: 'ready',
    isCluster: true,
    async get(key: string) {
      sent.push(key)
      const waiting = held.get(key)
      if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve))
      return entries.get(key) ?? null
    },
    async set(key: string, value: string, _: 'PX', milliseconds: number, nx?: 'NX') {
      if (nx !== undefined && entries.has(key)) return null
      entries.set(key, value)
      if (milliseconds <= 1) entries.delete(key)
      return 'OK'
    },
    async del(key: string) {
      entries.delete(key)
    },
  }
  const hold = (key: string): { readonly isAsked: () => boolean; answer(): void } => {
    const waiting: (() => void)[] = []
    held.set(key, waiting)
    return {
      isAsked: () => waiting.length > 0,
      answer() {
        held.delete(key)
        for (const resolve of waiting) resolve()
      },
    }
  }
  return { client, entries, sent, hold }
}

describe('a read of several keys from a cluster that redirects some of them', () => {
  it('uses an epoch that was read after all other keys', async () => {
    const { client, entries, sent, hold } = newCluster()
    const store = createRedisStore(client)
    await store.put('revoked:a', '1900000000', 60)
    expect(await store.get('revoked:a')).toBe('1900000000')
    const name = sent.find((key) => key.endsWith('revoked:a')) as string
    const late = hold(name)
    const answer = store.get('revoked:a')
    await expect.poll(late.isAsked).toBe(true)
    // The epoch has been read; then all data is lost.
    entries.clear()
    late.answer()
    await expect(answer).rejects.toThrow(/Redis has lost what it held/)
  })

  it('otherwise costs one command for each key and one for the epoch, and both marks share one epoch', async () => {
    const { client, sent } = newCluster()
    const store = createRedisStore(client)
    await store.get('deny:mark')
    sent.length = 0
    await store.getMany?.(['revoked:mark', 'deny:mark'])
    const part = sent[0]?.slice(0, -'revoked:mark'.length)
    expect(sent).toEqual([`${part}revoked:mark`, `${part}deny:mark`, `${part}epoch`])
    expect(part).toMatch(/^countersign:\{\d+\}$/)
  })
})
