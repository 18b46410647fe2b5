import { createResourceServer, type ResourceServer } from '@countersign/core'
import { Redis } from 'ioredis'
import { expect, it, vi } from 'vitest'
import { createRedisStore, type RedisStore } from './index.js'
import { clusterClients, startCluster } from './testing/cluster.js'

it('attack', { timeout: 280_000, retry: 0 }, async () => {
  const cluster = await startCluster(0, '--appendonly', 'no')
  const admins = cluster.primaries.map(({ url }) => new Redis(url).on('error', () => {}))
  const names = Object.keys(clusterClients)
  const open = async (name: string) => {
    const { client, close } = await clusterClients[name]!(cluster.primaries.map(({ port }) => port))
    const store = createRedisStore(client, { timeout: 1000 })
    const server = createResourceServer({ resource: 'https://rs.example', store })
    return { store, server, close: async () => { await server.close(); close() } }
  }
  const elders = [await open('redis 6'), await open('ioredis')]
  let young: Awaited<ReturnType<typeof open>>[] = []
  const all = () => [...elders, ...young]
  const faults: string[] = []
  const iat = Math.floor(Date.now() / 1000)
  const callerOf = (n: string) => ({
    kind: 'agent' as const, agent: `aauth:${n}@ap.example`, provider: 'https://ap.example', jkt: n.padEnd(43, 'k').slice(0, 43),
    token: { iss: 'https://ap.example', jti: `j-${n}`, iat, exp: iat + 7200 },
  })
  const revoked: string[] = []
  const denied = new Set<string>()
  const used: string[] = []
  let stop = false
  let served = 0, refused = 0, wrote = 0, failedWrites = 0
  const pause = (ms: number) => new Promise((r) => setTimeout(r, ms))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
  const writer = async (elder: (typeof elders)[number], id: number) => {
    for (let n = 0; !stop; n++) {
      const name = `w${id}-${n}`
      try {
        await elder.server.revocations.record({ iss: 'https://ap.example', jti: `r-${name}`, exp: iat + 3600 })
        revoked.push(`r-${name}`)
        wrote++
      } catch { failedWrites++ }
      try {
        if (await elder.store.claim(`replay:${name}`, '1', 300)) used.push(`replay:${name}`)
      } catch {}
      const subject = { key: callerOf(`d${id}-${n % 15}`).jkt }
      const d = `d${id}-${n % 15}`
      try {
        if (denied.has(d) && Math.random() < 0.4) {
          denied.delete(d)
          await elder.server.denials.remove(subject)
        } else {
          await elder.server.denials.add({ subject, seconds: Math.random() < 0.5 ? 3600 : 200_000 })
          denied.add(d)
        }
      } catch { failedWrites++; }
      await pause(60)
    }
  }
  const reader = async () => {
    while (!stop) {
      const who = pick(all())
      if (revoked.length) {
        const jti = pick(revoked)
        try {
          const has = await who.server.revocations.has({ iss: 'https://ap.example', jti })
          served++
          if (!has) faults.push(`revoked ${jti} not found by ${all().indexOf(who)}`)
        } catch { refused++ }
      }
      if (denied.size) {
        const d = pick([...denied])
        try {
          const kind = await who.server.denials.find(callerOf(d) as never)
          served++
          if (kind === undefined && denied.has(d)) {
            await pause(0)
            faults.push(`denied ${d} not found by ${all().indexOf(who)}`)
          }
        } catch { refused++ }
      }
      if (used.length) {
        const key = pick(used)
        try { if (await who.store.claim(key, '1', 300)) faults.push(`claimed twice ${key}`) } catch { refused++ }
      }
      await pause(2)
    }
  }
  const running = [writer(elders[0]!, 0), writer(elders[1]!, 1), ...[1, 2, 3].map(() => reader())]
  await pause(3000)
  const said: string[] = []
  const until = Date.now() + 100_000
  while (Date.now() < until) {
    const shard = Math.floor(Math.random() * 3)
    const what = pick(['flush', 'restart', 'two', 'twice', 'newcomer', 'leave', 'newcomer'])
    said.push(`${what} ${shard}`)
    if (what === 'flush') await admins[shard]!.flushall().catch(() => {})
    if (what === 'restart') { await cluster.primaries[shard]!.kill(); await pause(Math.random() * 2500); await cluster.primaries[shard]!.start() }
    if (what === 'two') { await admins[shard]!.flushall().catch(() => {}); await pause(Math.random() * 1500); await admins[(shard + 1) % 3]!.flushall().catch(() => {}) }
    if (what === 'twice') { await admins[shard]!.flushall().catch(() => {}); await pause(Math.random() * 5000); await admins[shard]!.flushall().catch(() => {}) }
    if (what === 'newcomer' && young.length < 3) young.push(await open(pick(names)))
    if (what === 'leave') await young.shift()?.close()
    await pause(Math.random() * 5000)
  }
  const began = Date.now()
  let isWell = false
  while (!isWell && Date.now() - began < 40_000) {
    const answers = await Promise.all(all().map(async ({ server }) => (await server.health()).ok))
    isWell = answers.every(Boolean)
    if (!isWell) await pause(200)
  }
  const recovery = Date.now() - began
  await pause(1000)
  stop = true
  await Promise.all(running)
  console.log(JSON.stringify({ said, served, refused, wrote, failedWrites, recovery, isWell, faults: faults.length, some: faults.slice(0, 12) }))
  for (const each of all()) await each.close()
  for (const admin of admins) admin.disconnect()
  await cluster.stop()
  expect(faults).toEqual([])
  expect(isWell).toBe(true)
})
