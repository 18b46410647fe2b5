import { describe, expect, it } from 'vitest'
import { createIsPublic, isNat64Prefix } from './address.js'
import { createGuardedFetch } from './guarded-fetch.js'
import type { Resolve } from './resolve.js'
import { isSpecialName } from './special-names.js'

describe('special-use names', () => {
  const special = [
    'localhost',
    'a.localhost',
    'printer.local',
    'idp.internal',
    'a.b.internal',
    'x.invalid',
    'x.test',
    'abcdefghij.onion',
    'router.home.arpa',
    'home.arpa',
    'x.alt',
    'intranet',
    'redis',
    'x.resolver.arpa',
  ]

  it.each(special)('%s is refused without asking anybody', async (host) => {
    const asked: string[] = []
    const resolve: Resolve = async (name) => {
      asked.push(name)
      return [{ address: '8.8.8.8', family: 4 }]
    }
    await expect(createGuardedFetch({ resolve })(`https://${host}/`)).rejects.toMatchObject({
      name: 'GuardError',
      kind: 'forbidden',
    })
    expect(asked).toEqual([])
  })

  it.each([
    'ps.example',
    'localhost.example',
    'local.net',
    'internal.example',
    'my-internal.org',
    'arpa.net',
  ])('%s is a name like any other', (host) => expect(isSpecialName(host)).toBe(false))

  it('is asked for where the operator named the host exactly, and judged by its addresses all the same', async () => {
    const asked: string[] = []
    const resolve: Resolve = async (name) => {
      asked.push(name)
      return [{ address: '10.0.0.1', family: 4 }]
    }
    const guard = createGuardedFetch({ resolve, namedHosts: ['idp.internal'] })
    const refusal = (host: string) =>
      expect(guard(`https://${host}/`)).rejects.toMatchObject({ kind: 'forbidden' })
    await refusal('idp.internal')
    await refusal('other.internal')
    await refusal('a.idp.internal')
    expect(asked).toEqual(['idp.internal'])
  })
})

describe('NAT64', () => {
  it.each([
    ['64:ff9b::/96', '64:ff9b::8.8.8.8', true],
    ['64:ff9b::/96', '64:ff9b::10.0.0.1', false],
    ['64:ff9b::/96', '64:ff9b::169.254.169.254', false],
    ['64:ff9b::/96', '64:ff9b::127.0.0.1', false],
    ['64:ff9b::/96', '64:ff9b::168.63.129.16', false],
    ['64:ff9b::/96', '64:ff9b:1::8.8.8.8', false],
    ['64:ff9b::/96', '64:ff9b::8.8.8.8%eth0', false],
    ['64:ff9b::/96', '8.8.8.8', true],
    ['64:ff9b::/96', '10.0.0.1', false],
    ['64:ff9b::/96', '2a00:1450::1', true],
    ['64:ff9b::/96', '::ffff:8.8.8.8', false],
    // RFC 6052, 2.4, with addresses that are public; the same prefixes with 10.0.0.1.
    ['2a00:122::/32', '2a00:122:808:808::', true],
    ['2a00:122::/32', '2a00:122:a00:1::', false],
    ['2a00:122:300::/40', '2a00:122:308:808:8::', true],
    ['2a00:122:300::/40', '2a00:122:30a:0:1::', false],
    ['2a00:122:344::/48', '2a00:122:344:808:8:800::', true],
    ['2a00:122:344::/48', '2a00:122:344:a00:0:100::', false],
    ['2a00:122:344:300::/56', '2a00:122:344:308:8:808::', true],
    ['2a00:122:344:300::/56', '2a00:122:344:30a::1:0', false],
    ['2a00:122:344:3::/64', '2a00:122:344:3:8:808:800::', true],
    ['2a00:122:344:3::/64', '2a00:122:344:3:a:0:100::', false],
    ['2a00:122:344:3::/64', '2a00:122:344:3:8:808:800:1', false],
    ['2a00:122:344:3::/64', '2a00:122:344:3:108:808:800::', false],
    ['2a00:122:344::/96', '2a00:122:344::8.8.8.8', true],
    ['2a00:122:344::/96', '2a00:122:344::192.168.1.1', false],
    [undefined, '64:ff9b::8.8.8.8', false],
  ])('behind %s, %s is public: %s', (prefix, address, expected) => {
    expect(createIsPublic(prefix)(address)).toBe(expected)
  })

  it.each(['64:ff9b::/96', '64:ff9b:1::/48', '2a00::/32'])('takes %s for a prefix', (prefix) => {
    expect(isNat64Prefix(prefix)).toBe(true)
  })

  it.each([
    '64:ff9b::',
    '64:ff9b::/95',
    '64:ff9b::1/96',
    '8.8.8.8/32',
    'x/96',
    '64:ff9b::%lo/96',
    '2a00::100:0:0:0/96',
  ])('refuses %s at declaration', (prefix) => {
    expect(() => createGuardedFetch({ nat64Prefix: prefix })).toThrow(
      new TypeError('option nat64Prefix: must be a NAT64 prefix, such as 64:ff9b::/96'),
    )
  })
})
