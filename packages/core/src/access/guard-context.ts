import type { Adoption } from '../adoption/adoption.js'
import type { Help } from '../answer/help.js'
import type { OwnAuditLog } from '../audit/log.js'
import type { Chaining } from '../chaining/chaining.js'
import type { Report } from '../events.js'
import type { NoticeContent } from '../http/content.js'
import type { GrantToken } from '../pending/grant-token.js'
import type { Deferrals } from '../pending/open.js'
import type { JudgeContext } from './judge.js'

/** What every guard of a server depends on. */
export interface GuardContext extends JudgeContext {
  readonly grantToken: GrantToken
  readonly deferrals: Deferrals
  readonly report: Report
  readonly noticeContent: NoticeContent
  /** Present with the option `audit`. */
  readonly audit: Pick<OwnAuditLog, 'isRefusing'> | undefined
  readonly adoption: Pick<Adoption, 'note'>
  readonly help: Help
  /** Present with the option `onward`. */
  readonly chaining: Pick<Chaining, 'keep'> | undefined
}
