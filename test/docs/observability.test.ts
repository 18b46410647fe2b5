import { readFileSync } from 'node:fs'
import type { ResourceServer } from '@countersign/core'
import { startTelemetry } from '@countersign/core/otel'
import type { MeterProvider } from '@opentelemetry/api'
import { expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/observability.md', root), 'utf8')

interface Instrument {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly unit: string
}

/** Every instrument that is made, as it is asked for. */
function instruments(): readonly Instrument[] {
  const made: Instrument[] = []
  const make =
    (kind: Instrument['kind']) =>
    (name: string, { unit = '' } = {}) => {
      made.push({ kind, name, unit })
      return { add() {}, record() {}, addCallback() {}, removeCallback() {} }
    }
  const meter = {
    createCounter: make('counter'),
    createObservableCounter: make('counter'),
    createHistogram: make('histogram'),
    createObservableGauge: make('gauge'),
  }
  const server = { resource: 'https://rs.example', counts: () => ({}) } as unknown as ResourceServer
  startTelemetry({
    servers: [server],
    meterProvider: { getMeter: () => meter } as unknown as MeterProvider,
  }).stop()
  return made
}

/** What the exporter for Prometheus makes of a name; `rules/telemetry.test.ts` has it say so itself. */
const inPrometheus = ({ kind, name, unit }: Instrument): readonly string[] => {
  const text = `${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}`
  if (kind === 'counter') return [`${text}_total`]
  return kind === 'gauge' ? [text] : ['bucket', 'count', 'sum'].map((part) => `${text}_${part}`)
}

interface Dashboard {
  readonly title: string
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

it('docs/observability.md lists every metric, with its kind, and no other', () => {
  const listed = [...page.matchAll(/^\| `(aauth\.[\w.]+)` \| (\w+)/gm)].map(
    ([, name, kind]) => `${name} ${kind}`,
  )
  expect([...listed].sort()).toEqual(
    instruments()
      .map(({ name, kind }) => `${name} ${kind}`)
      .sort(),
  )
})

it('the dashboard and the alerts ask for metrics that there are, and the dashboard for every one', () => {
  const known = instruments().map(inPrometheus)
  const dashboard = JSON.parse(
    readFileSync(new URL('docs/observability/dashboard.json', root), 'utf8'),
  ) as Dashboard
  const named = (text: string): string[] =>
    (text.replaceAll(/\{[^}]*\}|by \([^)]*\)/g, '').match(/\baauth_\w+/g) ?? []) as string[]
  const asked = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => named(expr)))
  const alerts = named(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? '')
  expect(alerts.length).toBeGreaterThan(0)
  expect([...asked, ...alerts].filter((name) => !known.flat().includes(name))).toEqual([])
  expect(known.filter((names) => !names.some((name) => asked.includes(name)))).toEqual([])
})

it('no two panels of the dashboard lie upon each other, and each is closed text', () => {
  const { panels } = JSON.parse(
    readFileSync(new URL('docs/observability/dashboard.json', root), 'utf8'),
  ) as Dashboard
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  for (const { targets } of panels)
    for (const { expr } of targets)
      for (const [open, close] of ['()', '{}', '[]'])
        expect(expr.split(open as string).length).toBe(expr.split(close as string).length)
})
