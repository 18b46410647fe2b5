import { describe, expect, it } from 'vitest'
import { boundedRate, RevocationRate, revocationLimits } from '../revocation/revocation-limits.js'
import { createRevocations } from '../revocation/revocations.js'
import { createMemoryStore, type MemoryStore } from '../store/memory-store.js'
import { now } from '../testing/party.js'
import { createBegunWith } from './begun-with.js'

describe('a store that strangers revoke into for three hours', () => {
  it('has room for the revocations of whom the operator named, and for everything else', async () => {
    let time = now
    const clock = (): number => time * 1000
    const store: MemoryStore = createMemoryStore({ clock, maxEntries: 10_000 })
    // A tenth of the default store, of the default rates.
    const newcomersPerMinute = revocationLimits.newcomersPerMinute / 10
    const rate = new RevocationRate(store, clock)
    const revocations = createRevocations(store, clock)
    const begunWith = createBegunWith({ resource: 'https://rs.example', store, clock, revocations })
    let most = 0
    for (let minute = 0; minute < 180; minute++) {
      for (const who of ['newcomers', 'known']) {
        for (let index = 0; index < newcomersPerMinute + 5; index++) {
          const iss = `https://made-up-${index}.example`
          const pool = { who, part: iss, perMinute: newcomersPerMinute }
          if ((await rate.takeBoth({ who: iss, perMinute: 60 }, pool)) !== undefined) continue
          const jti = `${who}-${minute}-${index}`
          await revocations.record({ iss, jti, exp: time + 3660 })
          await begunWith.end({ iss, jti })
        }
      }
      most = Math.max(most, store.size)
      time += 60
    }
    expect(most).toBeLessThan(8_500)
    const perMinute = boundedRate(revocationLimits, 3720)
    for (let index = 0; index < perMinute; index++) {
      expect(await rate.take('https://named.example', perMinute)).toBe(undefined)
      await revocations.record({ iss: 'https://named.example', jti: `${index}`, exp: time + 3600 })
    }
    for (let index = 0; index < 10_000; index++) store.put(`pending:${index}`, '1', 60)
    expect(await revocations.has({ iss: 'https://named.example', jti: '0' })).toBe(true)
  })
})
