import { aauth, type FastifyOptions } from '@countersign/fastify'
import fastify from 'fastify'

/** The API. `options` are more options of `aauth`; the test says there how the town is reached. */
export async function createApp(options?: Partial<FastifyOptions>) {
  const app = fastify()
  await app.register(aauth, {
    resource: 'https://notes.example',
    scopes: { 'notes.read': 'Read your notes' },
    ...options,
  })
  app.get('/notes', { config: { aauth: { scope: 'notes.read' } } }, async (req) => ({
    notesOf: req.aauth.person,
  }))
  return app
}
