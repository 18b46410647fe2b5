import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'
import { safely } from './safely.js'

/** One series of a counter. */
export interface Series {
  count: number
  readonly attributes: Attributes
}

/** A counter whose series are added up here and read at collection, because the SDK looks up a series at every call. */
export interface Tally {
  /** Starts a series. */
  series(attributes: Attributes): Series
  stop(): void
}

/** Creates a {@link Tally}. */
export function createTally(meter: Meter, name: string, about: { unit: string; description: string }): Tally {
  const all: Series[] = []
  const counter = meter.createObservableCounter(name, about)
  const observe = safely((result: ObservableResult) => {
    // A series that has counted nothing does not exist yet.
    for (const { count, attributes } of all) if (count > 0) result.observe(count, attributes)
  })
  counter.addCallback(observe)
  return {
    series(attributes) {
      const one = { count: 0, attributes }
      all.push(one)
      return one
    },
    stop: () => counter.removeCallback(observe),
  }
}

/** Values under several names. Each name is looked up by itself, because joining them would cost more than the rest. */
export class Table<V> {
  readonly #root: Branch<V> = new Map()

  get(names: readonly (string | undefined)[]): V | undefined {
    let found: Branch<V> | V | undefined = this.#root
    for (const name of names) {
      if (found === undefined) return undefined
      found = (found as Branch<V>).get(name)
    }
    return found as V | undefined
  }

  /** @returns the value */
  add(names: readonly (string | undefined)[], value: V): V {
    let branch = this.#root
    for (const name of names.slice(0, -1)) {
      const next = (branch.get(name) as Branch<V> | undefined) ?? new Map()
      branch.set(name, next)
      branch = next
    }
    branch.set(names.at(-1), value)
    return value
  }
}

type Branch<V> = Map<string | undefined, Branch<V> | V>
