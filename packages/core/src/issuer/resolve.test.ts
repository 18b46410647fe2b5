import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isPublicAddress } from './address.js'
import { createPublicResolve, type Resolve } from './resolve.js'

const typeA = 1
const typeAAAA = 28

const typeOf = (query: Buffer): number => query.readUInt16BE(query.indexOf(0, 12) + 1)

/** A name server on loopback that answers only what it is told to, over UDP (RFC 1035, 4.1). */
class NameServer {
  /** Answers of this type wait until it is released. */
  held: number | undefined
  readonly #waiting: (() => void)[] = []
  /** Addresses in bytes, by record type; `silent` never answers. */
  readonly records = new Map<number, readonly (readonly number[])[] | 'silent' | 'missing'>()
  readonly #socket: Socket = createSocket('udp4')

  async open(): Promise<string> {
    this.#socket.on('message', (query, from) => {
      const answer = this.#answer(query)
      if (answer === undefined) return
      const send = (): void => this.#socket.send(answer, from.port, from.address)
      if (typeOf(query) === this.held) this.#waiting.push(send)
      else send()
    })
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
    return `127.0.0.1:${this.#socket.address().port}`
  }

  /** How many answers have been held up. */
  get holding(): number {
    return this.#waiting.length
  }

  release(): void {
    for (const send of this.#waiting.splice(0)) send()
  }

  close(): void {
    this.#socket.close()
  }

  #answer(query: Buffer): Buffer | undefined {
    const end = query.indexOf(0, 12) + 5
    const type = typeOf(query)
    const records = this.records.get(type) ?? []
    if (records === 'silent') return undefined
    const found = records === 'missing' ? [] : records
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(records === 'missing' ? 0x8183 : 0x8180, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(found.length, 6)
    const answers = found.map((address) => {
      const record = Buffer.alloc(12)
      record.writeUInt16BE(0xc00c, 0)
      record.writeUInt16BE(type, 2)
      record.writeUInt16BE(1, 4)
      record.writeUInt32BE(60, 6)
      record.writeUInt16BE(address.length, 10)
      return Buffer.concat([record, Buffer.from(address)])
    })
    return Buffer.concat([header, query.subarray(12, end), ...answers])
  }
}

describe('resolving a stranger’s host', () => {
  let server: NameServer
  let resolve: Resolve
  const never = new AbortController().signal
  const four = [[192, 31, 195, 1]]
  const six = [[0x2a, 0, 0x14, 0x50, ...Array<number>(11).fill(0), 1]]
  beforeEach(async () => {
    server = new NameServer()
    resolve = createPublicResolve({ isUsable: isPublicAddress, servers: [await server.open()] })
  })
  afterEach(() => server.close())

  const timed = async (): Promise<[readonly string[], number]> => {
    const began = performance.now()
    const found = await resolve('ps.example', never)
    return [found.map(({ address }) => address), performance.now() - began]
  }

  it('goes on with the addresses of one family where the other is never answered (RFC 8305, 3)', async () => {
    server.records.set(typeA, four).set(typeAAAA, 'silent')
    const [addresses, ms] = await timed()
    expect(addresses).toEqual(['192.31.195.1'])
    // The one that is silent is given up after three seconds.
    expect(ms).toBeLessThan(2500)
    server.records.set(typeA, 'silent').set(typeAAAA, six)
    const [others, later] = await timed()
    expect(others).toEqual(['2a00:1450::1'])
    expect(later).toBeLessThan(2500)
  })

  it('waits for the slower family where it is asked to, since the faster one led nowhere', async () => {
    server.records.set(typeA, four).set(typeAAAA, six)
    server.held = typeA
    expect((await timed())[0]).toEqual(['2a00:1450::1'])
    const patient = resolve('ps.example', never, true)
    await expect.poll(() => server.holding).toBeGreaterThan(1)
    server.release()
    expect((await patient).map(({ family }) => family)).toEqual([4, 6])
  })

  it('takes both by turns where both are answered', async () => {
    server.records.set(typeA, [...four, [8, 8, 8, 8], [8, 8, 4, 4]]).set(typeAAAA, six)
    expect((await timed())[0]).toEqual(['192.31.195.1', '2a00:1450::1', '8.8.8.8', '8.8.4.4'])
  })

  it('waits for the other family where one has nothing, or nothing of use', async () => {
    for (const nothing of ['missing', [], [[10, 0, 0, 1]]] as const) {
      server.records.set(typeA, nothing).set(typeAAAA, six)
      expect((await timed())[0]).toContain('2a00:1450::1')
    }
  })

  it('fails as the name server says where there is no address at all', async () => {
    server.records.set(typeA, 'missing').set(typeAAAA, 'missing')
    await expect(timed()).rejects.toMatchObject({ code: 'ENOTFOUND' })
    server.records.set(typeA, []).set(typeAAAA, [])
    await expect(timed()).rejects.toMatchObject({ code: 'ENODATA' })
  })

  it('ends when it is told to', async () => {
    server.records.set(typeA, 'silent').set(typeAAAA, 'silent')
    const abort = new AbortController()
    const asked = resolve('ps.example', abort.signal)
    abort.abort()
    await expect(asked).rejects.toMatchObject({ code: 'ECANCELLED' })
  })
})
