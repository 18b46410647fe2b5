import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from 'node:net'
import { createResourceServer, type ResourceServer, type TokenCaller } from '@countersign/core'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRedisStore } from './index.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

// By default, `ioredis` sends unanswered commands again over its next connection.

const required = process.env['COUNTERSIGN_REDIS'] === 'required'

/** The connection of one process to Redis, on which answers can be lost. */
interface Way {
  readonly url: string
  /** Passes the first command with all of these texts on, and no answers from then on. */
  loseAnswerTo(...texts: readonly string[]): void
  /** How often that command was sent. */
  readonly times: number
  /** Ends the connection; new ones wait. */
  cut(): void
  /** Passes everything on again. */
  mend(): void
  close(): void
}

async function openWay(port: number): Promise<Way> {
  const sockets = new Set<Socket>()
  const waiting: (() => void)[] = []
  let texts: readonly string[] = []
  let [times, isMute, isCut] = [0, false, false]
  const join = (socket: Socket): void => {
    const redis = tcp(port, '127.0.0.1')
    for (const [one, other] of [
      [socket, redis],
      [redis, socket],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => other.destroy())
    }
    socket.on('data', (bytes) => {
      // Several commands may arrive at once.
      for (const command of bytes.toString('latin1').split(/(?=\*\d+\r\n\$)/)) {
        if (texts.length === 0 || !texts.every((text) => command.includes(text))) continue
        times++
        isMute ||= times === 1
      }
      redis.write(bytes)
    })
    redis.on('data', (bytes) => void (isMute || socket.write(bytes)))
  }
  const server: Server = createServer((socket) => {
    if (isCut) waiting.push(() => join(socket))
    else join(socket)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseAnswerTo(...given) {
      texts = given
    },
    get times() {
      return times
    },
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    mend() {
      isCut = false
      isMute = false
      for (const next of waiting.splice(0)) next()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describe.runIf(redisBinary !== undefined || required)('a command that a client sends again', () => {
  let redis: TestRedis
  let way: Way
  let closing: (() => void)[]
  const open = async (url: string): Promise<ResourceServer> => {
    const client = new Redis(url).on('error', () => {})
    await new Promise((resolve) => client.once('ready', resolve))
    const server = createResourceServer({
      resource: 'https://rs.example',
      store: createRedisStore(client),
      logger: false,
    })
    closing.push(() => {
      server.close()
      client.disconnect()
    })
    return server
  }
  const callerOf = (name: string): TokenCaller => ({
    kind: 'agent',
    agent: `aauth:${name}@ap.example`,
    provider: 'https://ap.example',
    jkt: name.repeat(43).slice(0, 43),
    token: { iss: 'https://ap.example', jti: name, iat: 0, exp: 2_000_000_000 },
  })

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(async () => redis?.stop())
  beforeEach(async () => {
    closing = []
    way = await openWay(redis.port)
  })
  afterEach(() => {
    for (const close of closing) close()
    way.close()
  })

  it.each([
    ['a denial', 'add', '1 '],
    ['a removal', 'remove', 'lifted'],
  ] as const)('lifts no denial that was made since: %s', async (_, what, text) => {
    const sam = callerOf(what.slice(0, 1))
    const subject = { key: sam.jkt }
    const [far, near, other] = [await open(way.url), await open(redis.url), await open(redis.url)]
    if (what === 'remove') await near.denials.add({ subject })
    way.loseAnswerTo('deny:key:', 'NX', text)
    const said = what === 'add' ? far.denials.add({ subject }) : far.denials.remove(subject)
    await expect(said).rejects.toThrow()
    expect(way.times).toBe(1)
    way.cut()
    // It has still taken effect.
    expect(await other.denials.find(sam)).toBe(undefined)
    if (what === 'add') await near.denials.remove(subject)
    await near.denials.add({ subject, seconds: 3 * 86_400 })
    expect(await other.denials.find(sam)).toBe('key')
    way.mend()
    await expect.poll(() => way.times).toBe(2)
    await far.health()
    for (const each of [far, near, other]) expect(await each.denials.find(sam)).toBe('key')
    await near.denials.remove(subject)
    for (const each of [far, near, other]) expect(await each.denials.find(sam)).toBe(undefined)
  })

  it('lets no denied caller pass whom a process has found not denied under a mark that returns', async () => {
    const sam = callerOf('m')
    const [far, near, other] = [await open(way.url), await open(redis.url), await open(redis.url)]
    way.loseAnswerTo('deny:mark', 'PX')
    await expect(far.denials.add({ subject: { key: callerOf('x').jkt } })).rejects.toThrow()
    way.cut()
    // `other` knows now that sam is not denied, and reads nothing else until the end.
    expect(await other.denials.find(sam)).toBe(undefined)
    await near.denials.add({ subject: { key: sam.jkt } })
    way.mend()
    await expect.poll(() => way.times).toBe(3)
    await far.health()
    expect(await other.denials.find(sam)).toBe('key')
  })

  it('lets no session continue that has ended since', async () => {
    const [far, near] = [await open(way.url), await open(redis.url)]
    const admin = new Redis(redis.url).on('error', () => {})
    closing.push(() => admin.disconnect())
    const standing = async (): Promise<string | null> => {
      const keys = await admin.keys('countersign:session-ended:user:*')
      return admin.get(keys.find((key) => /user:[\w-]{43}$/.test(key)) as string)
    }
    await near.sessions.end({ user: 'mom' })
    way.loseAnswerTo('session-ended:user:', 'NX')
    await expect(far.sessions.end({ user: 'mom' })).rejects.toThrow()
    way.cut()
    await near.sessions.end({ user: 'mom' })
    const last = await standing()
    expect(last).not.toBe(null)
    way.mend()
    await expect.poll(() => way.times).toBe(2)
    await far.health()
    expect(await standing()).toBe(last)
  })
})
