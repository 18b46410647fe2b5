import type { DiagnosticCode, Report } from './events.js'

/** The message of each diagnostic; each has a section in docs/diagnostics.md. */
const messages: Readonly<Record<DiagnosticCode, string>> = {
  AAUTH_TRUST_PROXY:
    'the framework trusts every proxy, so any client chooses the host, protocol and address that this application sees: name the proxies it trusts',
  AAUTH_HOST:
    'a signature does not verify, and the request came with another host than that of the option resource, which signatures have to cover: set resource to the host that agents call',
  AAUTH_PATH_PREFIX:
    'a signature verifies only for another request target than was received: a proxy rewrites paths, and signatures cover what the agent sent; pass paths on unchanged',
  AAUTH_METHOD:
    'a signature verifies only for another method than was received: something before the guard rewrites req.method',
  AAUTH_REWRITTEN:
    'a signature verifies for nothing that is known of the request, which came under another host than the one of the option resource: a proxy rewrites requests, probably their paths (a prefix that is stripped), or resource is not the public name',
  AAUTH_FOREIGN_REQUEST:
    'a request was refused that Node did not parse (a serverless platform, inject): its method, target and fields may not be what the agent signed',
  AAUTH_CONTENT_CONSUMED:
    'the content of a request was read before the guard, so that no digest of it can be checked: let whatever reads content come after the guard and its endpoints, or keep the bytes it read in rawBody',
  AAUTH_UNGUARDED_ROUTE:
    'a route has config.aauth, but the plugin is registered in another scope, so the route answers 500: register the plugin in a scope that holds the route',
  AAUTH_COOKIE:
    'a browser opened the interaction page and did not keep its cookie, which browsers do only over https: for development over plain http set the option interaction.insecureCookie',
  AAUTH_LINK:
    'users.link has linked a person, and users.find still finds nobody, so that the person is sent to the interaction page again: store the link before link answers, and look it up by the same ps and sub',
  AAUTH_SUBJECT_KEY:
    'the audit log has neither subjectKey nor secret, so that erase finds what was recorded under the signing keys of today and nothing older: give it one of the two',
  AAUTH_ENDPOINTS:
    'a resource token was made, and nobody can fetch the metadata and keys that it is checked with, so that agents fail at their person server: put app.use(guard.endpoints()) at the root of the application, before parsers, authentication, CSRF checks and the 404 handler',
}

/** The codes of all diagnostics. */
export const diagnosticCodes: readonly DiagnosticCode[] = Object.keys(messages) as DiagnosticCode[]

/**
 * Reports a misconfiguration to the operator. @param detail what was found, without secrets and without a stranger's
 * text that is unsafe in a log
 */
export type Diagnose = (code: DiagnosticCode, detail?: string) => void

const warned = new Set<DiagnosticCode>()

/**
 * The diagnostics of one server: reported to `onEvent` once for each code, and as a Node warning once for each code
 * and process.
 */
export function createDiagnose(report: Report): Diagnose {
  const reported = new Set<DiagnosticCode>()
  return (code, detail) => {
    if (reported.has(code)) return
    reported.add(code)
    const message = detail === undefined ? messages[code] : `${messages[code]} (${detail})`
    report({ name: 'diagnostic', code, message })
    if (warned.has(code)) return
    warned.add(code)
    process.emitWarning(message, { type: 'AAuthWarning', code })
  }
}
