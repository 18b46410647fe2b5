import { aauth } from '@countersign/express'
import express from 'express'
import { isKey, signIn } from './sign-in.js'

/**
 * The API, with AAuth beside what it had. While `enforce` is false, AAuth verifies and decides and refuses nobody: what it
 * would have done goes to `onEvent`, and the old ways in decide alone.
 */
export function createApi({ enforce, tokenSecret, apiKey, operatorKey, ...options }) {
  const guard = aauth({
    resource: 'https://notes.example',
    scopes: { 'notes.read': 'Read your notes' },
    observe: !enforce,
    ...options,
  })
  const app = express()
  app.use(guard.endpoints())

  // Before: app.get('/notes', signIn(…), …)
  const or = signIn({ tokenSecret, apiKey })
  app.get('/notes', guard.require({ scope: 'notes.read', or }), (req, res) => {
    res.json({ notesOf: req.user ?? req.aauth.person })
  })

  const operator = (req, res, next) =>
    isKey(req.get('X-Operator-Key'), operatorKey) ? next() : res.status(404).end()
  app.use('/operator', operator, express.json())
  // { "subject": { "person": { "ps": "https://ps.example", "sub": "…" } }, "reason": "stolen phone" }
  app.post('/operator/denials', async (req, res) => {
    const { subject, reason } = req.body
    res.status(201).json(await guard.server.denials.add({ subject, reason, by: 'operator' }))
  })
  app.get('/operator/denials', async (_req, res) => {
    res.json(await guard.server.denials.list())
  })
  return { app, guard }
}
