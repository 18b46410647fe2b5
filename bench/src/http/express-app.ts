import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import express, { type RequestHandler } from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { createStack, toStackRequest } from '../stack.js'
import { resource } from '../world.js'
import { bearerIssuer, type Cast } from './cast.js'
import { createLimit } from './limit.js'
import { ourOptions } from './ours.js'
import type { Guard, ServerPlan } from './series.js'

/** The ways of authenticating callers. */
const guards: Readonly<
  Record<
    Guard,
    (cast: Cast, plan: ServerPlan) => readonly RequestHandler[] | Promise<readonly RequestHandler[]>
  >
> = {
  bare: () => [],
  limit: (cast, { unseen }) => {
    const verifies = createLimit(cast, unseen)
    return [
      (req, res, next) => {
        if (verifies(req.headers['signature'] as string)) next()
        else res.sendStatus(401)
      },
    ]
  },
  ours: async (cast, plan) => {
    const guard = aauth(await ourOptions(cast, plan))
    return [guard.require({ scope: 'data.read' }) as unknown as RequestHandler]
  },
  jwt: () => [
    auth({
      issuer: bearerIssuer,
      jwksUri: process.env['BENCH_JWKS'] as string,
      audience: resource,
      tokenSigningAlg: 'EdDSA',
    }) as unknown as RequestHandler,
  ],
  stack: (cast) => {
    const verifies = createStack({ keys: [cast.issuer.publicJwk] } as Parameters<typeof createStack>[0])
    return [
      async (req, res, next) => {
        if (await verifies(toStackRequest(req.method, req.url, req.rawHeaders))) next()
        else res.sendStatus(401)
      },
    ]
  },
}

export async function start(plan: ServerPlan, cast: Cast): Promise<number> {
  const app = express()
  app.get('/data', ...(await guards[plan.guard](cast, plan)), (_req, res) => {
    res.json({ bread: 2 })
  })
  return new Promise((resolve, reject) => {
    const server = app.listen(0, '127.0.0.1', (error?: Error) => {
      if (error === undefined) resolve((server.address() as AddressInfo).port)
      else reject(error)
    })
  })
}
