/** What stands in front of the route, from nothing at all to what one builds from npm. */
export const kinds = ['bare', 'limit', 'ours', 'jwt', 'stack'] as const
export type Kind = (typeof kinds)[number]

export const frameworks = ['fastify', 'express'] as const
export type Framework = (typeof frameworks)[number]

/**
 * What is run: a kind on one core; or ours, one process or two, on all cores together with the client.
 */
export type Contender = Kind | 'ours_free' | 'ours_two'
export const contenders: readonly Contender[] = [
  'bare',
  'limit',
  'ours',
  'ours_free',
  'ours_two',
  'jwt',
  'stack',
]
export const isPinned = (contender: Contender): boolean =>
  contender !== 'ours_free' && contender !== 'ours_two'

/** What a server tells the driver. */
export interface FromServer {
  readonly port?: number
  /** Microseconds of CPU since the start. */
  readonly cpu?: number
}
