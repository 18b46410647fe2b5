import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { publicNames } from '../surface/surface.js'
import { eventsPage } from './events.js'

const root = new URL('../../', import.meta.url)

it('docs/events.md is what the declarations say', async () => {
  await expect(eventsPage()).toMatchFileSnapshot(fileURLToPath(new URL('docs/events.md', root)))
})

it('every event and every type of its members is exported from @countersign/core/events', () => {
  const exported = new Set(
    publicNames.filter(({ entry }) => entry === '@countersign/core/events').map(({ name }) => name),
  )
  const described = [...eventsPage().matchAll(/Type `(\w+)`\.|### `(\w+)`/g)].map(([, a, b]) => a ?? b ?? '')
  expect(described.length).toBeGreaterThan(35)
  expect(described.filter((name) => !exported.has(name))).toEqual([])
})
