import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { verifyAuditLog } from '@countersign/core/audit'
import { newSigningJwk } from '../world.js'

// `main.js [--records 1000000] [--kills 10]`: processes that keep evidence in the same files are killed (SIGKILL) one
// after the other. Measures how many of their decisions are lost, how old these were, and whether the rest verifies.

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '10' },
  },
})
const kills = Number(values.kills)
const each = Math.ceil(Number(values.records) / kills)

interface Told {
  readonly records: number
  /** Milliseconds, as `Date.now`. */
  readonly at: number
}

/** The reports of one process until it was killed, and when that was. */
interface Killed {
  readonly told: readonly Told[]
  readonly at: number
}

const script = fileURLToPath(new URL('decider.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'countersign-kill-'))
const signingKey = newSigningJwk()

async function run(): Promise<Killed> {
  const child: ChildProcess = fork(script, [join(folder, 'audit.jsonl'), JSON.stringify(signingKey)])
  const told: Told[] = []
  // At a different moment of the group each time.
  const last = each * (0.9 + Math.random() * 0.2)
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: Told) => {
      told.push(message)
      if (message.records >= last) resolve()
    })
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
  })
  const at = performance.timeOrigin + performance.now()
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { told, at }
}

const { d: _, ...publicJwk } = signingKey as Readonly<Record<string, unknown>>
try {
  const runs: Killed[] = []
  for (let n = 0; n < kills; n++) {
    runs.push(await run())
    process.stderr.write(`kill ${n + 1} of ${kills}: ${runs.at(-1)?.told.at(-1)?.records} records decided\n`)
  }
  const files = readdirSync(folder).map((name) => join(folder, name))
  const chains = new Map<string, number>()
  const began = performance.now()
  const report = await verifyAuditLog(files.sort(byAge), [publicJwk], {
    secrets: ['x'.repeat(32)],
    onRecord: ({ chain }) => chains.set(chain, (chains.get(chain) ?? 0) + 1),
  })
  const seconds = (performance.now() - began) / 1000
  const kept = [...chains.values()]
  const rows = runs.map(({ told, at }, n) => {
    const count = kept[n] ?? 0
    const decided = told.at(-1)?.records ?? 0
    // The first lost record was decided after this report.
    const safe = told.findLast(({ records }) => records <= count)
    return {
      decided,
      kept: count,
      lost: Math.max(0, decided - count),
      'oldest lost, ms': Math.round(at - (safe?.at ?? 0)),
    }
  })
  console.table(rows)
  const { ok, faults, records, verified, signatures, dropped, unsigned } = report
  console.log({ ok, faults, files: files.length, records, verified, signatures, dropped, unsigned, seconds })
  if (!ok || kept.length !== kills) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The current file is the last one; statements come after all files. */
function byAge(a: string, b: string): number {
  const name = (file: string): string => (file.endsWith('.jsonl') ? `${file}.z` : file)
  return name(a).localeCompare(name(b), 'en')
}
