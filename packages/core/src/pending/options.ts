import { z } from '../configuration/schema.js'
import { whole } from '../configuration/whole.js'

/** How pending requests are kept (AAuth 11.8), and how many there may be. */
export interface PendingOptions {
  /** Seconds that a pending request may take; its interaction code lives no longer. Default 600; 1 to 604 800. */
  readonly lifetime?: number
  /**
   * Seconds that an ended request is remembered, so that its URL answers `410` instead of `404`. Default 3600. A
   * request that its agent cancelled is remembered for at most a minute.
   */
  readonly retention?: number
  /** Seconds an agent is told to wait between two polls. Default 5; 0 to 300. */
  readonly retryAfter?: number
  /** Seconds; limit on `Prefer: wait`. Default 30; 0 turns long polls off. At most 300. */
  readonly longestWait?: number
  /** Long polls that this process holds open at once; others are answered without waiting. Default 1000. */
  readonly maxWaits?: number
  /** Pending requests that one key may open per minute. Default 30. Beyond it the answer is `429 rate_limited`. */
  readonly perKey?: number
  /** Pending requests that the agents or persons of one issuer may open per minute, in this process. Default 600. */
  readonly perIssuer?: number
  /**
   * Pending requests opened per minute in this process by all issuers that the options do not name. All issuers below
   * one registrable domain may open at most a third of what then remains for the others, which is a quarter if they
   * are alone. Default 3000.
   */
  readonly perMinute?: number
  /**
   * Bytes in the store that pending requests written by this process may take. Default 67 108 864 (64 MiB). An issuer
   * that the options name may have a quarter of it. The others are counted by registrable domain, and each domain may
   * have at most a third of what then remains for the others. An ended request counts only for what its URL still
   * needs. Beyond it the answer is `503 store_unavailable`.
   */
  readonly room?: number
  /**
   * Whether approvers may ask the agent's user a question (AAuth 7.5), if the agent declares `clarification`. Default
   * `false`.
   */
  readonly clarification?: boolean
  /** Bytes of content of a held call. Default 65 536. A call with more is not held. */
  readonly callContent?: number
  /** Bytes of the answer of a held call. Default 262 144. A longer answer is replaced by `500`. */
  readonly callAnswer?: number
  /** Seconds that a held call may run. Default 60; 1 to 600. Beyond it the answer is `500`. */
  readonly callTime?: number
}

/** The options, checked, with every default filled in. */
export type PendingSettings = Required<PendingOptions>

const count = z.int().positive()

/** The schema of {@link PendingOptions}; the only place where their defaults are stated. */
export const pendingOptionsSchema: z.ZodType<PendingSettings> = z
  .strictObject({
    lifetime: whole('seconds', 1, 604_800).default(600),
    retention: whole('seconds', 1, 604_800).default(3600),
    retryAfter: whole('seconds', 0, 300).default(5),
    longestWait: whole('seconds', 0, 300).default(30),
    maxWaits: count.default(1000),
    perKey: count.default(30),
    perIssuer: count.default(600),
    perMinute: count.default(3000),
    room: count.default(67_108_864),
    clarification: z.boolean().default(false),
    callContent: z.int().min(0).default(65_536),
    callAnswer: z.int().min(0).default(262_144),
    callTime: whole('seconds', 1, 600).default(60),
  })
  .prefault({})
