import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { PersonIdentifier } from '../caller.js'
import type { HttpRequest } from '../http/message.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { PendingRecord } from '../pending/record.js'
import type { SettleContext } from '../pending/settle.js'
import type { Deadlines } from '../time/deadline.js'
import type { UserDirectory } from '../users/directory.js'
import type { Browser } from './browser.js'
import type { InteractionOptions } from './options.js'
import type { Pages } from './page-answer.js'
import type { PageView } from './view.js'

/** What the interaction page depends on. */
export interface InteractionContext extends SettleContext {
  /** `undefined`: people do not sign in here and are only sent on. */
  readonly interaction: InteractionOptions | undefined
  /** The URL at which people return from a supplier's side; `undefined` when people are not sent there. */
  readonly callback: string | undefined
  readonly issuers: IssuerKeys
  /** Present with the option `users`. */
  readonly users: UserDirectory | undefined
  /** How persons are named in events. */
  hashOf(person: PersonIdentifier): string
  readonly authentication: Pick<AuthenticationContext, 'diagnose'>
  readonly browser: Browser
  readonly deadlines: Deadlines
  readonly pages: Pages
  /** How long a session lasts, for `PageView`. */
  readonly session: NonNullable<NonNullable<PageView['wants']>['session']>
  /** The path of the page of this interaction. */
  pathOf(id: string): string
}

/** The record that a browser has come with the code. */
export interface Arrival {
  /** Names the browser. */
  readonly browser: string
  /** The URL to go to after the decision. */
  readonly callback?: string | undefined
  /** Milliseconds. */
  readonly at: number
}

/** A request from the browser that came with the code of an interaction. */
export interface Visitor {
  readonly record: PendingRecord
  readonly arrival: Arrival
  readonly request: HttpRequest
  /** The browser's secret. */
  readonly secret: string
}
