import { approval, type PendingView } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from '../waiting/stage.js'

describe.each(adapters)(
  'an approved call, polled for with another token of the same key [adapter %s]',
  (adapter) => {
    let stage: Stage
    let asked: PendingView[]
    const table: readonly TargetRoute[] = [
      {
        method: 'POST',
        path: '/pay',
        requirement: {
          scope: 'data.write',
          policy: () => approval({ ask: (pending) => void asked.push(pending) }),
        },
        answer: ({ caller }) => ({ account: caller.kind === 'grant' ? caller.account : 'none' }),
      },
    ]
    beforeEach(async () => {
      asked = []
      stage = await openStage(adapter, {}, table)
    })
    afterEach(() => stage.close())

    const url = `${resource}/pay`
    const approved = async (token: string): Promise<string> => {
      const pending = locationOf(await stage.sam.request({ method: 'POST', url }, { token }))
      await stage.aauth.pending.approve((asked[0] as PendingView).id)
      return pending
    }

    it('is carried out for the account that was approved', async () => {
      const pending = await approved(await stage.grant('data.write', { account: 'pocket' }))
      const token = await stage.grant('data.write', { account: 'savings' })
      expect(await (await stage.sam.request({ url: pending }, { token })).json()).toEqual({
        account: 'pocket',
      })
    })

    it('takes a newer token for the same account', async () => {
      const first = await stage.grant('data.write', { account: 'pocket' })
      const pending = await approved(first)
      const { jti } = JSON.parse(Buffer.from(first.split('.')[1] as string, 'base64url').toString()) as {
        jti: string
      }
      await stage.aauth.revocations.record({ iss: stage.mom.ps, jti, exp: 9_999_999_999 })
      const token = await stage.grant('data.write', { account: 'pocket' })
      expect(await (await stage.sam.request({ url: pending }, { token })).json()).toEqual({
        account: 'pocket',
      })
    })

    it('is not carried out for a person whom the operator has denied meanwhile', async () => {
      const pending = await approved(await stage.grant('data.write'))
      const { caller } = asked[0] as PendingView
      if (caller.kind === 'agent') throw new Error('a grant is no agent')
      await stage.aauth.denials.add({ subject: { person: caller.person } })
      const answer = await stage.sam.request({ url: pending })
      expect([answer.status, await errorOf(answer)]).toEqual([403, 'access_denied'])
      expect((await stage.sam.request({ url: pending })).status).toBe(410)
    })
  },
)
