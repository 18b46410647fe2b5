// What is an error in Fastify, and what the compiler says of it first (types.test.ts). The words are in the line above.
import { type AAuthConfig, type AAuthHandler, aauth, type Grant, requirement } from '@countersign/fastify'
import fastify from 'fastify'

const app = fastify()
const list: AAuthHandler<Grant> = async (request) => request.aauth.person
type Route = { Params: { id: string } }

// says: No overload matches
app.register(aauth, { resource: 'https://notes.example', signingKey: [] })
// says: 'observ' does not exist | Did you mean to write 'observe'
app.aauth.with({ observ: true })
// says: NoSuchMember<"effects">
app.get(
  '/1',
  { config: { aauth: { scope: 'notes.read', effects: 'read' } } },
  async (request) => request.aauth.person,
)
// says: 'effects' does not exist | Did you mean to write 'effect'
app.get('/2', { config: { aauth: { scope: 'notes.read', effects: 'read' } } }, list)
// says: 'effects' does not exist | Did you mean to write 'effect'
app.get<Route>('/3', { config: { aauth: { scope: 'notes.read', effects: 'read' } } }, async () => 1)
// says: 'effects' does not exist | Did you mean to write 'effect'
app.get<Route, AAuthConfig<Grant>>(
  '/4',
  { config: { aauth: { scope: 'notes.read', effects: 'read' } } },
  async () => 1,
)
// says: scopes: string
app.get('/5', { config: { aauth: { scopes: 'notes.read' } } }, async () => 1)
// says: effect: "raed"
app.get('/6', { config: { aauth: { scope: 'notes.read', effect: 'raed' } } }, async () => 1)
// says: '"agnt"' is not assignable
app.get('/7', { config: { aauth: 'agnt' } }, async () => 1)
// says: scope: number
app.get('/8', { config: { aauth: { scope: 3 } } }, async () => 1)
// says: scope: { anyof: string[]; }
app.get('/9', { config: { aauth: { scope: { anyof: ['notes.read'] } } } }, async () => 1)
// says: policy: () => boolean
app.get('/10', { config: { aauth: { scope: 'notes.read', policy: () => true } } }, async () => 1)
// says: 'true' is not assignable
app.get('/11', { config: { aauth: true } }, async () => 1)
// says: '"agent"' is not assignable
app.get('/12', { config: { aauth: 'agent' } }, list)
// says: 'true' is not assignable to type 'false'
app.get('/13', { config: { aauth: { scope: 'notes.read', optional: true } } }, list)
// says: '"agent"' is not assignable
app.get<Route, AAuthConfig<Grant>>('/14', { config: { aauth: 'agent' } }, async () => 1)
// says: 'true' is not assignable to type 'false'
app.get<Route, AAuthConfig<Grant>>(
  '/15',
  { config: { aauth: { scope: 'notes.read', optional: true } } },
  async () => 1,
)
// says: SayOrNull
app.get<Route, AAuthConfig<Grant>>(
  '/17',
  { config: { aauth: { scope: 'notes.read', or: async () => {} } } },
  async () => 1,
)
// says: SayOrNull
app.get('/18', { config: { aauth: { scope: 'notes.read', or: async () => {} } } }, list)
// says: scope: string
app.get<Route, AAuthConfig<Grant & { account: string }>>(
  '/16',
  { config: { aauth: { scope: 'notes.read' } } },
  async () => 1,
)
// says: NoSuchMember<"effects">
requirement({ scope: 'notes.read', effects: 'read' })
// says: 'scopes' does not exist | Did you mean to write 'scope'
requirement({ scopes: 'notes.read' })
// says: NoSuchMember<"account">
requirement({ identity: 'agent', account: () => 'a' })
const mine: AAuthHandler<Grant & { readonly user: object | string }> = async (request) => request.aauth.user
// says: is not assignable to type
app.get('/mine', { config: { aauth: { scope: 'notes.read' } } }, mine)
