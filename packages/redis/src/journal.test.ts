import { describe, expect, it } from 'vitest'
import { defaultJournalBytes, Journal } from './journal.js'

const open = (maxBytes = 100_000) => {
  const time = { now: 0 }
  return { time, journal: new Journal(maxBytes, () => time.now) }
}
const keys = (journal: Journal): readonly string[] => journal.live().map(({ key }) => key)

describe('the journal of a process', () => {
  it('keeps entries that end something or may happen once, and none that grant something', () => {
    const { journal } = open()
    for (const key of [
      'session:a',
      'pending:a',
      'pending:a:run',
      'session-key:1:1',
      'linking:a',
      'health',
      'trial:a',
    ])
      expect(journal.note(key, '1', 1000)).toBe(false)
    expect(journal.isEmpty).toBe(true)
    const kept = [
      'deny:mark',
      'deny:slot:1',
      'revoked:a',
      'revoked:mark',
      'unlinked:a',
      'session-ended:id:a',
      'replay:a',
    ]
    for (const key of kept) expect(journal.note(key, '1', 1000)).toBe(true)
    expect(keys(journal)).toEqual(kept)
  })

  it('has the entry before the mark, even if the mark was written before', () => {
    const { journal } = open()
    journal.note('deny:mark', 'one', 1000)
    journal.note('deny:token:a', '1', 1000)
    journal.note('deny:mark', 'two', 1000)
    expect(keys(journal)).toEqual(['deny:token:a', 'deny:mark'])
    expect(journal.get('deny:mark')?.value).toBe('two')
  })

  it('drops entries that expired or were removed', () => {
    const { journal, time } = open()
    journal.note('revoked:a', '1', 30_000)
    journal.note('replay:a', '1', 1000)
    journal.note('replay:b', '1', 60_000)
    journal.forget('replay:b')
    time.now = 10_000
    expect(keys(journal)).toEqual(['revoked:a'])
    time.now = 30_000
    expect(keys(journal)).toEqual([])
    expect(journal.isEmpty).toBe(true)
  })

  it('drops entries beyond its limit, used signatures first, and knows until when some are missing', () => {
    const { journal, time } = open(2000)
    journal.note('revoked:a', '1', 3_600_000)
    for (let n = 0; n < 100; n++) journal.note(`replay:${n}`, '1', 60_000 + n)
    expect(journal.get('revoked:a')).toBeDefined()
    expect(journal.live().length).toBeLessThan(12)
    expect(journal.missing).toBeGreaterThan(60_000)
    expect(journal.missing).toBeLessThan(60_100)
    for (let n = 0; n < 20; n++) journal.note(`revoked:${n}`, 'x'.repeat(300), 3_600_000)
    expect(journal.missing).toBe(3_600_000)
    time.now = 3_600_000
    expect(journal.missing).toBe(0)
    expect(journal.isEmpty).toBe(true)
  })

  it('keeps the denials of the operator, whatever strangers have caused since', () => {
    const { journal, time } = open(100_000)
    const year = 366 * 86_400_000
    journal.note('deny:key:a', '1900000000', year)
    journal.note('deny:mark', 'one', year)
    for (let n = 0; n < 1000; n++) journal.note(`revoked:https://${n}.example/one`, '1', 3_600_000)
    for (let n = 0; n < 1000; n++) journal.note(`session-ended:id:${n}`, '1', 7_200_000)
    expect(keys(journal).slice(0, 2)).toEqual(['deny:key:a', 'deny:mark'])
    // Entries are missing only until the dropped ones would have expired.
    expect(journal.missing).toBe(7_200_000)
    time.now = 7_200_000
    expect([keys(journal), journal.missing]).toEqual([['deny:key:a', 'deny:mark'], 0])
  })

  it('has room for all revocations that strangers can cause at once', () => {
    const { journal } = open(defaultJournalBytes)
    journal.note('deny:key:a', '1900000000', 86_400_000)
    // 300 a minute from newcomers and as many from others, for an hour and two minutes.
    for (let n = 0; n < 600 * 62; n++) {
      const key = `revoked:https://${'a'.repeat(80)}/`
      journal.note(`${key}${String(n).padStart(137 - key.length, 'b')}`, '1800003600', 3_720_000)
    }
    expect([journal.missing, journal.live().length]).toEqual([0, 600 * 62 + 1])
  })
})
