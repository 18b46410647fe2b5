import { AgentError } from '@countersign/agent'
import type { Agent } from '../agent/agent.js'
import type { AgentOptions } from '../agent/context.js'
import type { PersonOptions } from '../person-server/person.js'
import { createTown, type Town, type TownOptions } from '../town.js'
import { TinyResource } from './tiny-resource.js'

/** A town with a shop, on a clock that stands still. */
export interface Setting {
  readonly town: Town
  readonly shop: TinyResource
  /** Lets seconds pass. */
  pass(seconds: number): void
  /** An agent of a person. */
  sam(person?: PersonOptions, agent?: AgentOptions): Agent
}

export const bread = 'https://shop.example/bread'

export async function openSetting(options: TownOptions = {}): Promise<Setting> {
  let now = Date.UTC(2026, 9, 1)
  const town = await createTown({ clock: () => now, ...options })
  const shop = await TinyResource.open(town)
  return {
    town,
    shop,
    pass: (seconds) => {
      now += seconds * 1000
    },
    sam: (person = {}, agent = {}) => town.agent('sam', { person: town.person('mom', person), ...agent }),
  }
}

/** The error that a `fetch` of an agent fails with. */
export async function reasonOf(fetching: Promise<unknown>): Promise<AgentError> {
  const error = await fetching.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof AgentError) return error
  throw error
}
