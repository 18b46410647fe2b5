import { describe, expect, it } from 'vitest'
import { type PublicName, publicNames, unionMembers, unnamed } from './surface.js'

const entries = new Map<string, PublicName[]>()
for (const each of publicNames) entries.set(each.entry, [...(entries.get(each.entry) ?? []), each])

const file = (entry: string): string => `names/${entry.replace('@countersign/', '').replaceAll('/', '-')}.txt`

describe('what the packages export', () => {
  // A change of what is public is seen here in review; `npx vitest run --project workspace surface -u` writes the lists.
  it.each([...entries.keys()])('%s exports the names that are listed for it', async (entry) => {
    const lines = (entries.get(entry) ?? []).map(({ kind, name }) => `${kind} ${name}\n`)
    await expect(lines.join('')).toMatchFileSnapshot(file(entry))
  })

  it('is at most 80 names for a program that has a resource server', () => {
    expect(entries.get('@countersign/core')?.length).toBeLessThanOrEqual(80)
  })

  it('can be named wherever a public declaration mentions it', () => {
    const missing = publicNames.flatMap((each) =>
      unnamed(each).map((name) => `${each.entry} ${each.name} mentions ${name}`),
    )
    expect(missing).toEqual([])
  })

  it('has every member of a public union by name', () => {
    const members = publicNames.flatMap((each) =>
      unionMembers(each).map((member) => ({ union: each.name, ...member })),
    )
    const unions = new Set(members.map(({ union }) => union))
    for (const union of ['AAuthEvent', 'Caller', 'PolicyVerdict', 'Outcome', 'Requirement'])
      expect(unions).toContain(union)
    expect(members.filter(({ isPublic }) => !isPublic)).toEqual([])
  })
})
