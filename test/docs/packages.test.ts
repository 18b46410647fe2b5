import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

interface Manifest {
  readonly name: string
  readonly engines: { readonly node: string }
  readonly license: string
}

describe('the README of a package stands alone on a registry’s page', () => {
  it.each(readdirSync(packages))('%s', (folder) => {
    const manifest = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as Manifest
    const text = readFileSync(join(packages, folder, 'README.md'), 'utf8')
    expect(text.split('\n')[0]).toBe(`# ${manifest.name}`)
    expect(text).toMatch(new RegExp(`^npm install (?:--save-dev )?${manifest.name}\\b`, 'm'))
    expect(text).toContain(`from '${manifest.name}'`)
    for (const words of ['AAuth', 'README.md', `Node ${manifest.engines.node.replace('||', 'or')}`])
      expect([words, text.includes(words)]).toEqual([words, true])
    expect(text.trimEnd().split('\n').at(-1)).toBe(`${manifest.license} licence.`)
  })
})
