import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AuditReport, verifyAuditLog } from '@countersign/core/audit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const writer = fileURLToPath(new URL('../dist/evidence/writer.js', import.meta.url))

interface Told {
  readonly jwks?: string
  readonly kept?: number
  readonly dropped?: number
  readonly status?: number
  readonly events?: readonly string[]
}

describe('a process that keeps evidence', () => {
  let folder: string
  let child: ChildProcess
  let jwks: { readonly keys: object[] }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-kill-'))
  })
  afterEach(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  /** Starts it, with at most so many KiB in a file. */
  const start = async (whenFull: string, limit?: number): Promise<void> => {
    const args = [writer, join(folder, 'audit.jsonl'), whenFull]
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    const command = `ulimit -S -f ${limit === undefined ? 'unlimited' : limit}; exec "$0" "$@"`
    child = spawn('bash', ['-c', command, process.execPath, ...args], { stdio: [...stdio] })
    jwks = JSON.parse((await told(({ jwks }) => jwks !== undefined)).jwks as string)
  }
  const told = (isIt: (message: Told) => boolean): Promise<Told> =>
    new Promise((resolve, reject) => {
      const listen = (message: Told): void => {
        if (!isIt(message)) return
        child.off('message', listen)
        resolve(message)
      }
      child.on('message', listen)
      child.once('exit', () => reject(new Error('it has ended')))
    })
  const verify = (): Promise<AuditReport> =>
    verifyAuditLog(
      readdirSync(folder).map((name) => join(folder, name)),
      jwks.keys,
    )
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await once(child, 'exit')
  }

  it('that is killed loses no record that was written, and its chain verifies', async () => {
    await start('drop')
    let kept = 0
    child.on('message', (message: Told) => {
      kept = message.kept ?? kept
    })
    await told(({ kept = 0 }) => kept >= 100_000)
    await kill('SIGKILL')
    const report = await verify()
    expect(report).toMatchObject({ ok: true, faults: [], dropped: 0 })
    expect(report.records).toBeGreaterThanOrEqual(kept)
    // No head has been signed since it started: the chain alone holds what it wrote.
    expect(report.unsigned).toBe(report.records)
  })

  it.each(['drop', 'refuse'])(
    'whose disk is full does as %s says, and goes on when there is room',
    async (whenFull) => {
      await start(whenFull, 512)
      const full = await told(
        ({ kept, dropped = 0, status }) =>
          kept === undefined && (whenFull === 'drop' ? dropped > 0 : status === 503),
      )
      expect(full.status).toBe(whenFull === 'drop' ? 401 : 503)
      expect(full.events).toEqual(['audit-failed'])
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited'])
      const again = await told(({ kept, status }) => kept !== undefined && status === 401)
      expect(again.events).toEqual(['audit-failed', 'audit-recovered'])
      child.send('close')
      const [code] = (await once(child, 'exit')) as [number]
      expect(code).toBe(0)
      const report = await verify()
      expect(report).toMatchObject({ ok: true, faults: [], unsigned: 0 })
      expect(report.dropped > 0).toBe(whenFull === 'drop')
    },
  )
})
