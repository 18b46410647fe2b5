import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, auditTrail, createAuditLog } from '@countersign/core/audit'
import type { DecisionEvent } from '@countersign/core/events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStage, type Stage, supplier } from '../chaining/stage.js'
import { adapters, resource } from '../target/start.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.each(adapters)('the trail of a call over two resources [adapter %s]', (adapter) => {
  let folder: string
  let stage: Stage
  let logs: AuditLog[]
  const decisions: DecisionEvent[] = []
  const files = (): string[] => ['shop', 'supplier'].map((name) => join(folder, name))
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'audit-trail-'))
    logs = files().map((file) => createAuditLog({ file }))
    const [shop, other] = logs as [AuditLog, AuditLog]
    decisions.length = 0
    stage = await openStage(adapter, {
      shop: { audit: shop },
      supplier: {
        audit: other,
        onEvent: (event) => {
          if (event.name === 'decision') decisions.push(event)
        },
      },
    })
  })
  afterEach(async () => {
    await stage.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('leads from the supplier’s request back to the person’s own agent', async () => {
    await stage.sam.fetch(`${resource}/order`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })
    expect(stage.orders).toHaveLength(1)
    await Promise.all(logs.map((log) => log.close()))
    const served = decisions.find(({ outcome, route }) => outcome === 'served' && route === '/orders')
    const { paths, text } = await auditTrail(files(), { id: served?.id as string })
    expect(paths).toHaveLength(1)
    const [path = []] = paths
    expect(
      path.map(({ resource, route, outcome, calledBy }) => [resource, route, outcome, calledBy]),
    ).toEqual([
      [supplier, '/orders', 'served', resource],
      [resource, '/order', 'served', undefined],
    ])
    expect(path[1]).toMatchObject({ ps: stage.town.ps.id, person: expect.any(String) })
    expect(text.split('\n')[0]).toContain(`${supplier} POST /orders served`)
    expect(text).toContain(`called by ${resource} in its caller’s name`)
    // By the person, at the shop, and by the token as well.
    const byPerson = await auditTrail(files(), { person: path[1]?.person as string })
    expect(byPerson.paths.some(([first]) => first?.id === path[1]?.id)).toBe(true)
    const byToken = await auditTrail(files(), { jti: path[0]?.jti as string })
    expect(byToken.paths.at(-1)).toEqual(path)
    await expect(auditTrail(files(), {})).rejects.toThrow(/^start: /)
  })
})
