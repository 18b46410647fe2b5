import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'
import { safely } from './safely.js'

/** A counter whose series are added up here, and read when they are collected: the SDK looks for a series at every call. */
export interface Tally {
  /** @param key names the series among those of this counter */
  add(key: string, attributes: () => Attributes): void
  stop(): void
}

/** Creates it. */
export function createTally(meter: Meter, name: string, about: { unit: string; description: string }): Tally {
  const series = new Map<string, { count: number; readonly attributes: Attributes }>()
  const counter = meter.createObservableCounter(name, about)
  const observe = safely((result: ObservableResult) => {
    for (const { count, attributes } of series.values()) result.observe(count, attributes)
  })
  counter.addCallback(observe)
  return {
    add(key, attributes) {
      const known = series.get(key)
      if (known === undefined) series.set(key, { count: 1, attributes: attributes() })
      else known.count++
    },
    stop: () => counter.removeCallback(observe),
  }
}
