import { describe, expect, it } from 'vitest'
import { checkWire } from './wire.js'

const judge = (...hosts: string[]): string | undefined =>
  checkWire({ method: 'GET', target: '/', rawHeaders: hosts.flatMap((host) => ['Host', host]) })?.code

describe('Host', () => {
  it.each([
    'rs.example',
    'RS.example:443',
    'node_app:3000',
    'my_service.default.svc.cluster.local',
    'app.',
    '127.0.0.1:3000',
    '[::1]:3000',
    '[fe80::1%25eth0]:3000',
    '[fe80::1%eth0]',
    'a~b!c',
  ])('may be %s, whatever the authority is that signatures cover (H-11)', (host) => {
    expect(judge(host)).toBeUndefined()
  })

  it.each([
    [],
    [''],
    [':3000'],
    ['a', 'b'],
    ['a', 'a'],
    ['a, b'],
    ['a,b'],
    ['user@a'],
    ['a/b'],
    ['a?b'],
    ['a#b'],
    ['a\\b'],
    ['a b'],
    ['a%2eb'],
    ['a:1:2'],
    ['a:port'],
    ['[::1'],
    ['[::1]x'],
    ['[::1%]'],
    ['b\u00fccher.example'],
  ])('must not be ambiguous: %j %j (H-11)', (...hosts) => {
    expect(judge(...hosts)).toBe('invalid_request')
  })
})
