import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The packages, packed once for all tests. */
    packed: {
      /** A folder like that of the repository, with the tarballs where `npm run pack` puts them. */
      readonly repository: string
      readonly tarballs: string
      /** What the script wrote on stdout. */
      readonly said: string
    }
  }
}

export default function pack(project: TestProject): () => void {
  const repository = mkdtempSync(join(tmpdir(), 'countersign packed '))
  const tarballs = join(repository, '.reports', 'packed')
  const script = fileURLToPath(new URL('../../scripts/pack.mjs', import.meta.url))
  const said = execFileSync(process.execPath, [script, '--out', tarballs], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
  project.provide('packed', { repository, tarballs, said })
  return () => rmSync(repository, { recursive: true, force: true })
}
