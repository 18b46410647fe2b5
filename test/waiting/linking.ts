import type { UsersOptions } from '@countersign/core/adapter'
import { readRequirement, type Town } from '@countersign/devkit'
import type { Stage } from './stage.js'
import { type Visited, Visitor } from './visitor.js'

/** Where the person server of the town waits for people to come back. */
export const flow = 'https://ps.example/flow/1'

type Who = Parameters<UsersOptions['find']>[0]

/** Users in a map, with everything that was asked of them. */
export class UsersInMemory {
  readonly links = new Map<string, unknown>()
  readonly asked: string[] = []
  /** What happens instead of linking, or of looking. */
  instead: ((user: string) => unknown) | undefined
  found: (() => unknown) | undefined

  /** The option. It links without a look at what is there: whoever links somebody twice is found out. */
  readonly option: UsersOptions = {
    find: (who) => {
      this.asked.push('find')
      return (this.found ?? (() => this.links.get(this.key(who))))() as object
    },
    link: async ({ user, ...who }) => {
      this.asked.push(`link ${user}`)
      if (this.instead !== undefined) return this.instead(user)
      this.links.set(this.key(who), user)
      return undefined
    },
    unlink: (who) => {
      this.asked.push('unlink')
      this.links.delete(this.key(who))
    },
  }

  key({ person, tenant }: Who): string {
    return JSON.stringify([person.ps, person.sub, tenant])
  }
}

/** What a resource token says. */
export interface ResourceTokenClaims {
  readonly aud: string
  readonly scope: string
  readonly sub: string
  readonly exp: number
  readonly interaction?: { readonly url: string; readonly code: string }
}

/** The claims of a resource token. */
export function claimsIn(jwt: string): ResourceTokenClaims {
  return JSON.parse(Buffer.from(jwt.split('.')[1] as string, 'base64url').toString()) as ResourceTokenClaims
}

/** The claims of the resource token that an answer asks to take to its server. */
export function resourceTokenOf(response: Response): ResourceTokenClaims {
  const { name, parameters } = readRequirement(response) ?? {}
  const jwt = parameters?.['resource-token']
  if (name !== 'auth-token' || jwt === undefined) throw new Error(`${response.status} has no resource token`)
  return claimsIn(jwt)
}

/** The link by which a person server sends people to our page. */
export function linkOf({ interaction }: ResourceTokenClaims, callback: string | undefined = flow): string {
  if (interaction === undefined) throw new Error('the resource token has no interaction')
  const query = new URLSearchParams({
    code: interaction.code,
    ...(callback === undefined ? {} : { callback }),
  })
  return `${interaction.url}?${query}`
}

/** Somebody follows the link of an answer and decides; where the browser is sent then. */
export async function decideOn(
  stage: Pick<Stage, 'town'>,
  response: Response,
  decision: 'approve' | 'decline' = 'approve',
  user: 'mom' | 'dad' = 'mom',
): Promise<string | null> {
  const visitor = new Visitor(stage.town, {}, user)
  const page = await visitor.open(linkOf(resourceTokenOf(response)))
  return (await visitor.decide(page, decision)).headers.get('location')
}

/** A page as people read it. */
export function textOf({ text }: Visited): string {
  return text.replaceAll(/<style.*?<\/style>|<[^>]+>/gs, ' ').replaceAll(/\s+/g, ' ')
}

/** A person follows a link of their person server, by way of our page, and approves there. */
export async function throughPage(town: Town, link: string, visitor = new Visitor(town)): Promise<Visited> {
  const sent = await town.fetch(link, { redirect: 'manual' })
  const page = await visitor.open(sent.headers.get('location') as string)
  const back = await visitor.decide(page, 'approve')
  await town.fetch(back.headers.get('location') as string, { redirect: 'manual' })
  return page
}
