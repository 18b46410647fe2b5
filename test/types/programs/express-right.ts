// What keeps its type in Express, compiled as users compile it (types.test.ts).
import {
  type AAuthHandler,
  type AAuthRequest,
  type Agent,
  aauth,
  allow,
  type Caller,
  type CallerOf,
  type Connected,
  type ExpressOptions,
  type Grant,
  type Person,
  type Requirement,
} from '@countersign/express'
import express, { type NextFunction, type Request, type Response } from 'express'
import express4 from 'express4'

const options: ExpressOptions = { resource: 'https://notes.example', scopes: { 'notes.read': 'Read' } }
const guard = aauth({ resource: 'https://notes.example', scopes: { 'notes.read': 'Read' } })
const app = express()

// Handlers and controllers that are declared elsewhere than their route.
const list: AAuthHandler<Grant> = (req, res) => {
  const sub: string = req.aauth.person.sub
  res.status(200).json({ sub })
}
const read: AAuthHandler<Grant, { id: string }> = async (req, res, next) => {
  const texts: string[] = [req.params.id, req.aauth.person.sub]
  res.json({ texts })
  next()
}
const wide: AAuthHandler<Person | Grant> = (req, res) => {
  const sub: string = req.aauth.person.sub
  res.json({ sub })
}
const whoever: AAuthHandler = (req, res) => {
  const kind: Caller['kind'] = req.aauth.kind
  res.json({ kind })
}
const perhaps: AAuthHandler<Grant | undefined> = (req, res) => {
  res.json({ sub: req.aauth?.person.sub })
}
const whole: AAuthHandler<Grant, { id: string }, { ok: boolean }, { count: number }, { q?: string }> = (
  req,
  res,
) => {
  const count: number = req.body.count
  res.json({ ok: count > 1 && req.query.q === req.params.id })
}
app.get('/list', guard.require({ scope: 'notes.read' }), list)
app.get('/read/:id', guard.require({ scope: 'notes.read' }), read)
app.get('/wide', guard.require({ scope: 'notes.read' }), wide)
app.get('/whoever', guard.require({ session: true }), whoever)
app.get('/served', guard.require({ scope: 'notes.read' }), perhaps)
app.get('/perhaps', guard.require({ scope: 'notes.read', optional: true }), perhaps)
app.post('/whole/:id', guard.require({ scope: 'notes.read' }), express.json(), whole)
app.get('/array', [guard.require({ scope: 'notes.read' })], list)
app.get(['/a', '/b'], guard.require({ scope: 'notes.read' }), list)

class Notes {
  readonly list: AAuthHandler<Grant> = (req, res) => {
    res.json(req.aauth.person)
  }
  read(req: AAuthRequest<Grant, { id: string }>, res: Response): void {
    const texts: string[] = [req.params.id, req.aauth.person.sub]
    res.json({ texts })
  }
  person(req: AAuthRequest<Person | Grant>, res: Response, next: NextFunction): void {
    res.json(req.aauth.person)
    next()
  }
}
const notes = new Notes()
app.get('/notes', guard.require({ scope: 'notes.read' }), notes.list)
app.get('/notes/:id', guard.require({ scope: 'notes.read' }), notes.read.bind(notes))
app.get('/notes/:id/again', guard.require({ scope: 'notes.read' }), (req, res) => notes.read(req, res))
app.get('/person', guard.require({ scope: 'notes.read' }), (req, res, next) => notes.person(req, res, next))

// Generics of one's own.
app.get<{ id: string }>('/generic/:id', guard.require({ scope: 'notes.read' }), read)
app.get(
  '/annotated/:id',
  guard.require({ scope: 'notes.read' }),
  (req: AAuthRequest<Grant, { id: string }>, res) => {
    const texts: string[] = [req.params.id, req.aauth.person.sub]
    res.json({ texts })
  },
)
app.get(
  '/both/:id',
  guard.require({ scope: 'notes.read' }),
  (req: AAuthRequest<Grant, { id: string }>, res: Response) => {
    res.json({ sub: req.aauth.person.sub })
  },
)

// Functions that handlers call.
const ownerOf = (req: AAuthRequest<Grant>): string => req.aauth.person.sub
const kindOf = (req: Request): string | undefined => req.aauth?.kind
app.get('/helped/:id', guard.require({ scope: 'notes.read' }), (req, res) => {
  res.json([ownerOf(req), kindOf(req)])
})

// Routers: a guard in front of many routes.
const router = express.Router({ mergeParams: true })
router.use(guard.require({ scope: 'notes.read' }))
router.get('/', list)
router
  .route('/notes/:id')
  .get(read)
  .post(guard.require('agent'), (req, res) => {
    const agent: string = req.aauth.agent
    res.json({ agent })
  })
router.get('/untyped', (req, res) => {
  const caller: Caller | undefined = req.aauth
  res.json({ kind: caller?.kind })
})
const strict = guard.with({ policy: () => allow() })
router.get('/strict', strict.require('agent'), (req, res) => {
  const agent: Agent = req.aauth
  res.json({ agent: agent.agent })
})
app.use('/v1', router)

// What a requirement makes certain, by its type.
const reading = { scope: 'notes.read', tenant: true } as const
const ofTenant: AAuthHandler<CallerOf<typeof reading>> = (req, res) => {
  const tenant: string = req.aauth.tenant
  res.json({ tenant })
}
app.get('/tenant', guard.require(reading), ofTenant)

// Requirements and options that say more.
guard.require({ session: { scope: 'notes.read', by: () => 'mom' } })
guard.require({ scope: 'notes.read', tenant: { ps: 'https://ps.example', tenant: 'school' } })
guard.require({ scope: 'notes.read', tenant: (tenant, caller) => tenant === caller.tenant })
guard.require({
  scope: ['notes.read'],
  policy: ({ caller }) => (caller.scope.length > 1 ? allow() : allow()),
})
declare const any: Requirement
guard.require(any)
app.get('/connected', guard.require({ session: true }), (req, res) => {
  const connected: Connected = req.aauth
  res.json({ user: connected.user })
})
app.get('/options', aauth(options).require('agent'), (req, res) => {
  const agent: Agent | undefined = req.aauth
  res.json({ agent: agent?.agent })
})
app.get('/watched', aauth({ ...options, observe: true }).require('agent'), (req, res) => {
  res.json({ agent: req.aauth?.agent })
})

// Express 4, whose declarations are others.
const four = express4()
four.get('/inline/:id', guard.require({ scope: 'notes.read' }), (req, res) => {
  const texts: string[] = [req.params.id, req.aauth.person.sub]
  res.json({ texts })
})
four.post('/later', guard.require('agent'), express4.json(), (req, res) => {
  const agent: string = req.aauth.agent
  res.json({ agent })
})

// Users of the application: typed as what `find` answers.
interface User {
  readonly id: string
}
const withUsers = aauth({
  resource: 'https://notes.example',
  scopes: { 'notes.read': 'Read' },
  interaction: { login: () => 'mom' },
  users: {
    find: async ({ person, tenant }): Promise<User | undefined> =>
      person.sub === 'sub' && tenant === undefined ? { id: person.ps } : undefined,
    link: ({ user, person }) => ({ refused: `${user} ${person.ps}` }),
  },
})
const mine: AAuthHandler<Grant & { readonly user: User }> = (req, res) => {
  const id: string = req.aauth.user.id
  res.json({ id })
}
app.get('/mine', withUsers.require({ scope: 'notes.read', user: true }), mine)
app.get(
  '/mine/some',
  withUsers.require({ identity: 'person', user: (user: User) => user.id === '1', tenant: true }),
  (req, res) => {
    const texts: string[] = [req.aauth.user.id, req.aauth.tenant]
    res.json({ texts })
  },
)
const watched = withUsers.with({ observe: true })
app.get('/mine/watched', watched.require({ scope: 'notes.read', user: true }), (req, res) => {
  const id: string | undefined = req.aauth?.user.id
  res.json({ id })
})
