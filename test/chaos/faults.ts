import { createMemoryStore, type Store } from '@countersign/core'

/** How likely something fails, from 0 to 1, and chance. */
export interface Weather {
  store: number
  network: number
  readonly random: () => number
}

const never = <T>(): Promise<T> => new Promise(() => {})

/**
 * A store over a network that fails: it rejects, hangs, answers late, or does as it is told and the answer is lost. It never
 * says what is not so.
 */
export function stormyStore(weather: Weather, clock: () => number): Store {
  const { random } = weather
  const store = createMemoryStore({ clock })
  const through = async <T>(act: () => T | Promise<T>): Promise<T> => {
    if (random() >= weather.store) return act()
    switch (Math.floor(random() * 5)) {
      case 0:
        throw new Error('the connection is gone')
      case 1:
        return never<T>()
      case 2:
        // Done, and nobody is told.
        await act()
        throw new Error('the connection was lost before the answer came')
      case 3:
        await act()
        return never<T>()
      default:
        for (let turns = Math.floor(random() * 50); turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve))
        return act()
    }
  }
  return {
    get: (key) => through(() => store.get(key)),
    put: (key, value, seconds) => through(() => store.put(key, value, seconds)),
    claim: (key, value, seconds) => through(() => store.claim(key, value, seconds)),
    delete: (key) => through(() => store.delete(key)),
  }
}

/** A way to issuers that fails: no connection, errors, answers that are cut off, something else, or never come. */
export function stormyFetch(weather: Weather, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  const { random } = weather
  return async (input, init) => {
    if (random() >= weather.network) return fetch(input, init)
    switch (Math.floor(random() * 6)) {
      case 0:
        throw new TypeError('fetch failed')
      case 1:
        return new Response('try later', { status: 503, headers: { 'Retry-After': '1' } })
      case 2:
        return new Response(null, { status: 404 })
      case 3: {
        const text = await (await fetch(input, init)).text()
        return new Response(text.slice(0, Math.floor(random() * text.length)), {
          headers: { 'Content-Type': 'application/json' },
        })
      }
      case 4:
        return new Response('<!doctype html>', { headers: { 'Content-Type': 'text/html' } })
      default: {
        const signal = input instanceof Request ? input.signal : init?.signal
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(new TypeError('aborted')))
        })
      }
    }
  }
}
