import { createHash, timingSafeEqual } from 'node:crypto'
import { jwtVerify } from 'jose'

// What this API had before: bearer tokens for its users, one API key for a partner. Nothing here knows of AAuth.

/** Answers 401 unless the request has a bearer token or the API key; `req.user` is then who it is. */
export function signIn({ tokenSecret, apiKey }) {
  return async (req, res, next) => {
    const user = isKey(req.get('X-API-Key'), apiKey)
      ? 'partner'
      : await userOf(req.get('Authorization'), tokenSecret)
    if (user === undefined) {
      res.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'unauthorized' })
      return
    }
    req.user = user
    next()
  }
}

/** Whether this is the key, without telling by the time it takes how much of it is right. */
export function isKey(given, key) {
  const digest = (text) => createHash('sha256').update(text).digest()
  return given !== undefined && timingSafeEqual(digest(given), digest(key))
}

async function userOf(authorization, tokenSecret) {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) return undefined
  try {
    const { payload } = await jwtVerify(token, tokenSecret, {
      algorithms: ['HS256'],
      requiredClaims: ['sub', 'exp'],
    })
    return payload.sub
  } catch {
    return undefined
  }
}
