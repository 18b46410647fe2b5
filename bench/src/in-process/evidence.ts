import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuditLog } from '@countersign/core/audit'
import type { Key } from '../world.js'
import { type Agents, guardBench } from './benches.js'
import { createGuard } from './guard.js'
import type { AnyBench } from './pairs.js'

/** The same guard with evidence of each request kept in a file, synchronised in groups. */
export function evidenceBench(issuer: Key, { requests }: Agents): AnyBench {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const audit = createAuditLog({ file: join(folder, 'audit.jsonl'), secret: 'x'.repeat(32) })
  return guardBench('warm_audit', createGuard([issuer], { audit }), requests)
}
