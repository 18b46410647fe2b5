import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type RawRequest, toBytes } from '../hostile/wire.js'
import { World } from '../hostile/world.js'
import { adapters } from '../target/start.js'

/** Everything that comes back on one connection after all of this has been written at once. */
function pipeline(port: number, requests: readonly RawRequest[]): Promise<string> {
  const bytes = requests.map((request, i) => {
    const text = toBytes(request).toString('latin1')
    return i === requests.length - 1 ? text : text.replace('Connection: close\r\n', '')
  })
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes.join(''), 'latin1'))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

describe.each(adapters)('many callers on one connection [adapter %s]', (adapter) => {
  let world: World
  afterEach(() => world.close())

  it('are told apart, in order, whoever was there before', async () => {
    world = await World.open(adapter)
    const eve = world.town.agent('eve')
    const cnf = eve.key.cnf
    const hers = { token: await world.town.ap.mintAgentToken({ name: 'eve', cnf }), key: eve.key }
    const his = { token: await world.agent() }
    const target = '/agent'
    const kinds = [
      [await world.compose({ target, ...his }), 'aauth:sam@ap.example'],
      [await world.compose({ target, ...hers }), 'aauth:eve@ap.example'],
      // Her token under his signature, his under hers, and none at all.
      [await world.compose({ target, token: hers.token }), '401'],
      [await world.compose({ target, token: his.token, key: eve.key }), '401'],
      [{ method: 'GET', target, headers: [['Host', 'rs.example']] }, '401'],
    ] as const
    // Every kind after every other.
    const order = kinds.flatMap((one) => kinds.flatMap((other) => [one, other]))
    const text = await pipeline(
      world.target.port,
      order.map(([request]) => request),
    )
    const answers = text
      .split(/(?=HTTP\/1\.1 \d{3} )/)
      .map((answer) => /"agent":"([^"]*)"/.exec(answer)?.[1] ?? answer.slice(9, 12))
    expect(answers).toEqual(order.map(([, expected]) => expected))
  })
})
