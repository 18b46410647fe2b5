import { describe, expect, it } from 'vitest'
import { createMemoryWallet } from './wallet.js'

describe('the wallet in memory', () => {
  it('keeps one of each kind for each resource', async () => {
    const wallet = createMemoryWallet()
    await wallet.set('person', 'https://a.example', 'one', 1)
    await wallet.set('auth', 'https://a.example', 'two', 2)
    await wallet.set('person', 'https://b.example', 'three', undefined)
    await wallet.set('person', 'https://a.example', 'four', 1)
    expect(await wallet.get('person', 'https://a.example')).toBe('four')
    expect(await wallet.get('auth', 'https://a.example')).toBe('two')
    await wallet.delete('person', 'https://a.example')
    expect(await wallet.get('person', 'https://a.example')).toBeUndefined()
    expect(await wallet.get('person', 'https://b.example')).toBe('three')
  })

  it('forgets what was used longest ago once it is full', async () => {
    const wallet = createMemoryWallet(2)
    await wallet.set('agent', '', 'agent', undefined)
    await wallet.set('auth', 'https://a.example', 'a', undefined)
    await wallet.get('agent', '')
    await wallet.set('auth', 'https://b.example', 'b', undefined)
    expect(await wallet.get('auth', 'https://a.example')).toBeUndefined()
    expect(await wallet.get('agent', '')).toBe('agent')
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('has no limit of %s', (limit) => {
    expect(() => createMemoryWallet(limit)).toThrow(TypeError)
  })
})
