import { createApi } from './api.js'

const setting = (name) => {
  const value = process.env[name]
  if (value === undefined || value === '') throw new TypeError(`${name} is not set`)
  return value
}

const modes = { 'report-only': false, enforce: true }
const mode = process.env.AAUTH_MODE ?? 'report-only'
if (!Object.hasOwn(modes, mode)) throw new TypeError(`AAUTH_MODE is ${Object.keys(modes).join(' or ')}`)

const { app, guard } = createApi({
  enforce: modes[mode],
  tokenSecret: new TextEncoder().encode(setting('TOKEN_SECRET')),
  apiKey: setting('API_KEY'),
  operatorKey: setting('OPERATOR_KEY'),
  onEvent: (event) => console.log(JSON.stringify(event)),
})
const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, () => console.log(`http://localhost:${port}/notes, ${mode}`))

process.once('SIGTERM', () => {
  guard.server.close()
  server.close(() => guard.close())
})
