import { describe, expect, it } from 'vitest'
import { type Person, sealCaller } from '../caller.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { resendingStore } from '../testing/resending-store.js'
import { Deadlines, Inquiry } from '../time/deadline.js'
import { createUserDirectory, type UserDirectory } from './directory.js'

const token = { iss: 'https://ps.example', jti: 'a', iat: 0, exp: 0 }
const mom: Person = sealCaller({
  kind: 'person',
  person: { ps: 'https://ps.example', sub: 'mom' },
  jkt: 'k',
  token,
})
const inquiry = (): Inquiry => new Inquiry(undefined)

let now = 0
const clock = (): number => now

function directoryOf(answer: unknown, store: Store = createMemoryStore({ clock })): UserDirectory {
  return createUserDirectory({
    resource: 'https://rs.example',
    users: { find: () => answer as never, link: () => answer },
    store,
    clock,
    deadlines: new Deadlines(2000, () => {}),
  }) as UserDirectory
}
const find = async (answer: unknown) => directoryOf(answer).find(mom, inquiry())
const link = (answer: unknown) => directoryOf(answer).link(mom, { user: 'mom' }, inquiry())

describe('the user that users.find answers', () => {
  it.each([['mom'], [{ id: 7 }], [{ id: 7, rows: 3 }]])('%j is one', async (user) => {
    expect(await find(user)).toBe(user)
  })

  it.each([[undefined], [null]])('%j is nobody', async (user) => {
    expect(await find(user)).toBeUndefined()
  })

  it.each([
    [7, 'answered a number'],
    [false, 'answered false'],
    ['', 'answered an empty text'],
  ])('%j is a fault', async (user, message) => {
    await expect(find(user)).rejects.toThrow(`option users.find: ${message}`)
  })

  // What libraries answer to a query that found nothing: no row, and yet an object.
  it.each([
    ['a list', []],
    ['a list with a row', [{ id: 7 }]],
    ['the result of pg', { command: 'SELECT', rowCount: 0, rows: [], fields: [] }],
    ['a set', new Set()],
    ['a cursor', { async *[Symbol.asyncIterator]() {} }],
  ])('%s is the result of a query, and a fault', async (_, user) => {
    await expect(find(user)).rejects.toThrow('option users.find: answered the result of a query')
  })
})

describe('what users.link answers', () => {
  it.each([[undefined], [null], [1], [true], [{ rowCount: 1 }]])('%j is done', async (answer) => {
    expect(await link(answer)).toBeUndefined()
  })

  it('is why not', async () => {
    expect(await link({ refused: 'This account is closed.' })).toBe('This account is closed.')
  })

  it.each([
    [false, 'answered false, or an Error; answer { refused: … } or throw'],
    [{ refused: true }, 'answered { refused } with true; it must be a text, which tells the person why'],
    [{ refused: '' }, 'answered { refused } with an empty text'],
    [{ refused: undefined }, 'answered { refused } with undefined'],
    [{ refused: null }, 'answered { refused } with null'],
  ])('%j is a fault', async (answer, message) => {
    await expect(link(answer)).rejects.toThrow(`option users.link: ${message}`)
  })
})

describe('who links a person', () => {
  /** Begins at one instance. @returns what it came to, and what ends it */
  const begin = async (directory: UserDirectory) => {
    let end = (_failure?: Error): void => {}
    const running = new Promise<string>((resolve, reject) => {
      end = (failure) => (failure === undefined ? resolve('linked') : reject(failure))
    })
    const answer = directory.alone(mom, () => running).catch((cause: Error) => cause.message)
    await new Promise((resolve) => void setImmediate(resolve))
    return { answer, end }
  }
  const tries = (directory: UserDirectory) => directory.alone(mom, async () => 'linked')

  it('is one at a time, of all instances, whether it succeeds or fails', async () => {
    const store = createMemoryStore({ clock })
    const [one, two] = [directoryOf('', store), directoryOf('', store)]
    for (const failure of [undefined, new Error('the database is down')]) {
      const first = await begin(one)
      expect([await tries(two), await tries(one)]).toEqual(['busy', 'busy'])
      first.end(failure)
      expect(await first.answer).toBe(failure?.message ?? 'linked')
      expect(await tries(two)).toBe('linked')
    }
  })

  it('counts as gone after a minute, and what its functions may take', async () => {
    const store = createMemoryStore({ clock })
    const [one, two] = [directoryOf('', store), directoryOf('', store)]
    const first = await begin(one)
    now += 63_999
    expect(await tries(two)).toBe('busy')
    now += 1
    const second = await begin(two)
    // It ends nothing that has begun since.
    first.end()
    expect(await first.answer).toBe('linked')
    expect(await tries(one)).toBe('busy')
    second.end()
    expect(await second.answer).toBe('linked')
  })

  it('is not joined by a second one, though the client of a store sends once more that an earlier one has ended', async () => {
    const { store, writes } = resendingStore(clock)
    const [one, two] = [directoryOf('', store), directoryOf('', store)]
    expect([await tries(one), await tries(two)]).toEqual(['linked', 'linked'])
    const earlier = [...writes]
    now += 600_000
    const third = await begin(one)
    for (const write of earlier) {
      write()
      expect(await tries(two)).toBe('busy')
    }
    third.end()
    expect(await third.answer).toBe('linked')
  })
})
