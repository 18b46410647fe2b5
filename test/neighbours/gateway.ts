import type { WireRequest } from '@countersign/devkit'

/** The answer of a function behind a gateway. */
export interface GatewayAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A function as Lambda calls it. */
export type Invoke = (event: object, context: object) => Promise<unknown>

/** The fields of a request by name. */
export const fieldsOf = ({ rawHeaders }: WireRequest): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) fields[rawHeaders[i] as string] = rawHeaders[i + 1] as string
  return fields
}

/** An event as API Gateway sends it, REST and HTTP APIs. */
function gatewayEvent(version: '1.0' | '2.0', request: WireRequest): Record<string, unknown> {
  const { method, target, body } = request
  const [path = '', query = ''] = target.split('?')
  const content = body === undefined ? '' : Buffer.from(body).toString('base64')
  const common = { headers: fieldsOf(request), body: content, isBase64Encoded: true }
  return version === '2.0'
    ? {
        ...common,
        version,
        rawPath: path,
        rawQueryString: query,
        requestContext: { http: { method, path, sourceIp: '192.0.2.1' }, requestId: 'r' },
      }
    : {
        ...common,
        version,
        httpMethod: method,
        path,
        queryStringParameters: null,
        requestContext: { identity: { sourceIp: '192.0.2.1' }, requestId: 'r' },
      }
}

/** Sends requests to a function through API Gateway: events of REST (1.0) or HTTP APIs (2.0). */
export const onLambda =
  (invoke: Invoke, version: '1.0' | '2.0') =>
  async (request: WireRequest): Promise<GatewayAnswer> => {
    const { statusCode, headers, body } = (await invoke(gatewayEvent(version, request), {})) as {
      readonly statusCode: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
    return { status: statusCode, headers, body }
  }
