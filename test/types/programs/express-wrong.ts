// What is an error in Express, and what the compiler says of it first (types.test.ts). The words are in the line above.
import { type AAuthHandler, aauth, type Grant } from '@countersign/express'
import express from 'express'

const guard = aauth({ resource: 'https://notes.example', scopes: { 'notes.read': 'Read' } })
const app = express()
const list: AAuthHandler<Grant> = (req, res) => {
  res.json(req.aauth.person)
}

// says: 'signingKey' does not exist | Did you mean to write 'signingKeys'
aauth({ resource: 'https://notes.example', signingKey: [] })
// says: 'onerror' does not exist | Did you mean to write 'onError'
aauth({ resource: 'https://notes.example', onerror: 'next' })
// says: '"nxt"' is not assignable | Did you mean '"next"'
aauth({ resource: 'https://notes.example', onError: 'nxt' })
// says: 'secure' does not exist
aauth({ resource: 'https://notes.example', observe: true, secure: true })
// says: 'observ' does not exist | Did you mean to write 'observe'
guard.with({ observ: true })
// says: 'policies' does not exist
guard.with({ observe: true, policies: [] })
// says: NoSuchMember<"effects">
guard.require({ scope: 'notes.read', effects: 'read' })
// says: 'scopes' does not exist | Did you mean to write 'scope'
guard.require({ scopes: 'notes.read' })
// says: NoSuchMember<"tenants">
guard.require({ identity: 'agent', tenants: true })
// says: NoSuchMember<"account">
guard.require({ identity: 'agent', account: () => 'a' })
// says: effect: "raed"
guard.require({ scope: 'notes.read', effect: 'raed' })
// says: '"agnt"' is not assignable | Did you mean '"agent"'
guard.require({ identity: 'agnt' })
// says: '"agnt"' is not assignable
guard.require('agnt')
// says: 'scopes' does not exist | Did you mean to write 'scope'
guard.require({ session: { scopes: 'notes.read' } })
// says: NoSuchMember<"descripton">
guard.require({ session: { scope: 'notes.read', descripton: 'Read' } })
// says: NoSuchMember<"tenat">
guard.require({ scope: 'notes.read', tenant: { ps: 'https://ps.example', tenant: 'a', tenat: 'b' } })
// says: policy: () => boolean
guard.require({ scope: 'notes.read', policy: () => true })
// says: NoSuchMember<"effects">
app.get('/inline', guard.require({ scope: 'notes.read', effects: 'read' }), (_req, res) => res.json({}))
// says: No overload matches
app.get('/other', guard.require('agent'), list)
// says: No overload matches
app.get('/optional', guard.require({ scope: 'notes.read', optional: true }), list)
// says: possibly 'undefined'
const read: AAuthHandler<Grant | undefined> = (req, res) => res.json(req.aauth.person)
app.get('/read', read)
// says: NoSuchMember<"user">
guard.require({ identity: 'agent', user: true })
const mine: AAuthHandler<Grant & { readonly user: { readonly id: string } }> = (req, res) =>
  res.json(req.aauth.user.id)
// says: No overload matches
app.get('/mine', guard.require({ scope: 'notes.read' }), mine)
