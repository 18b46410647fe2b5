import { expect, it } from 'vitest'
import { World } from '../hostile/world.js'
import { adapters } from '../target/start.js'

/** What both frameworks' requests have. */
interface Raw {
  readonly ip: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

const modes = ['sync', 'threads'] as const
const cases = adapters.flatMap((adapter) => modes.map((mode) => [adapter, mode] as const))

it.each(cases)(
  'a client whose issuers are all new leaves most of the budget to the next, over sockets [adapter %s, crypto %s]',
  async (adapter, mode) => {
    const asked: (string | undefined)[] = []
    const world = await World.open(adapter, {
      crypto: { mode },
      issuers: {
        limits: { newcomersPerMinute: 20 },
        clientAddress: ({ raw, path }) => {
          const { ip, headers } = raw as Raw
          asked.push(`${ip} ${path}`)
          return headers['x-client']
        },
      },
    })
    try {
      let strangers = 0
      const status = async (client: string): Promise<number> => {
        const provider = await world.town.openAgentProvider(`https://stranger-${++strangers}.example`)
        const token = await provider.mintAgentToken({ name: 'sam', cnf: world.key.cnf })
        const headers = [['X-Client', client]] as const
        return (await world.send(await world.compose({ target: '/agent', token, headers }))).status
      }
      const one: number[] = []
      for (let i = 0; i < 8; i++) one.push(await status('2001:db8::1'))
      expect(one).toEqual([200, 200, 200, 200, 200, 503, 503, 503])
      expect(await status('2001:db8::2')).toBe(503)
      expect(await status('192.0.2.1')).toBe(200)
      expect(new Set(asked)).toEqual(new Set(['127.0.0.1 /agent']))
    } finally {
      await world.close()
    }
  },
)
