import { lookup, Resolver } from 'node:dns/promises'
import { after } from '../time/clock.js'

/** One address of a host. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
  /** Connect to this port instead of the URL's; for tests. */
  readonly port?: number
}

/**
 * Finds a host's addresses, once for each connection. It rejects when there are none.
 *
 * @param patient asked again, since what one family answered led nowhere: waits for the answers of both
 */
export type Resolve = (
  host: string,
  signal: AbortSignal,
  patient?: boolean,
) => Promise<readonly ResolvedAddress[]>

/** Milliseconds that one family is waited for once the other has an address (RFC 8305, 3). */
const resolutionDelay = 50

/** Options of {@link createPublicResolve}. */
export interface PublicResolveOptions {
  /** Whether an address may be connected to; one that may not does not end the wait for the other family. */
  readonly isUsable: (address: string) => boolean
  /** Name servers, as `address:port`. Default: the operating system's. */
  readonly servers?: readonly string[]
}

/**
 * Resolves strangers' hosts over DNS alone. `dns.lookup` would read the hosts file, walk search domains, and hold one of
 * libuv's four threads for as long as the stranger's name server likes. Both families are asked at once, and neither is
 * waited for much longer than the other.
 */
export function createPublicResolve({ isUsable, servers }: PublicResolveOptions): Resolve {
  return async (host, signal, patient = false) => {
    const resolver = new Resolver({ timeout: 1500, tries: 2 })
    if (servers !== undefined) resolver.setServers([...servers])
    const cancel = (): void => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    const four = ask(resolver.resolve4(host), 4)
    const six = ask(resolver.resolve6(host), 6)
    try {
      await (patient ? Promise.all([four.done, six.done]) : firstUsable([four, six], isUsable))
      const addresses = inTurns(four.addresses, six.addresses)
      if (addresses.length === 0) throw four.fault ?? new Error('the host has no address')
      return addresses
    } finally {
      signal.removeEventListener('abort', cancel)
      // The other family's question, if it is still open, and its socket with it.
      cancel()
    }
  }
}

/** Resolves a host of `privateHosts` the way the operating system does. */
export const resolvePrivate: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
  }))

/** The query for one address family. */
interface Question {
  readonly done: Promise<void>
  addresses: readonly ResolvedAddress[]
  fault?: unknown
}

function ask(answer: Promise<string[]>, family: 4 | 6): Question {
  const question: Question = {
    done: answer.then(
      (found) => {
        question.addresses = found.map((address) => ({ address, family }))
      },
      (cause: unknown) => {
        question.fault = cause
      },
    ),
    addresses: [],
  }
  return question
}

/** Waits until both have answered, or a moment longer than until one has with an address that is of use. */
function firstUsable(
  questions: readonly Question[],
  isUsable: PublicResolveOptions['isUsable'],
): Promise<void> {
  return new Promise((resolve) => {
    let open = questions.length
    let stop = (): void => {}
    const finish = (): void => {
      stop()
      resolve()
    }
    for (const question of questions) {
      void question.done.then(() => {
        if (--open === 0) finish()
        else if (question.addresses.some(({ address }) => isUsable(address)))
          stop = after(resolutionDelay, finish)
      })
    }
  })
}

/** The addresses of both families in turns, so that however few are tried, some of each are (RFC 8305, 4). */
function inTurns<A>(one: readonly A[], other: readonly A[]): A[] {
  const turns = Math.max(one.length, other.length)
  return Array.from({ length: turns }, (_, index) => [one[index], other[index]])
    .flat()
    .filter((address) => address !== undefined)
}
