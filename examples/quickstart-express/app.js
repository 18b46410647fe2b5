import { aauth } from '@countersign/express'
import express from 'express'

/** The API. `options` are more options of `aauth`; the test says there how the town is reached. */
export function createApp(options) {
  const guard = aauth({
    resource: 'https://notes.example',
    scopes: { 'notes.read': 'Read your notes' },
    ...options,
  })
  const app = express()
  app.use(guard.endpoints())
  app.get('/notes', guard.require({ scope: 'notes.read' }), (req, res) => {
    res.json({ notesOf: req.aauth.person })
  })
  return app
}
