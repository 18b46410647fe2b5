import { type AddressInfo, Socket } from 'node:net'

const addresses = [
  ...['remoteAddress', 'remotePort', 'remoteFamily'],
  ...['localAddress', 'localPort', 'localFamily'],
] as const

/**
 * One end of a connection within the process. It is a `net.Socket` without a handle, so that libraries can call the
 * methods of a request's socket (`setTimeout`, `setKeepAlive`, `address`, `ref`, …) and `instanceof` works. The bytes
 * go to the other end instead of a network. Its addresses can be set.
 */
export class InnerSocket extends Socket {
  override readonly pending = false
  override bytesRead = 0
  override bytesWritten = 0
  /** Whether the held call's connection was TLS. */
  readonly encrypted: boolean | undefined
  /** Whether that connection had a verified client certificate. */
  readonly authorized: boolean | undefined
  #other: InnerSocket | undefined
  /** Called when the other end may send more. */
  #more: (() => void) | undefined

  private constructor() {
    super({ allowHalfOpen: true })
    // A socket reads these from its handle; without one, they can be set here.
    for (const name of addresses)
      Object.defineProperty(this, name, { value: undefined, writable: true, enumerable: true })
  }

  /** The two ends of a connection. */
  static pair(): [InnerSocket, InnerSocket] {
    const [one, other] = [new InnerSocket(), new InnerSocket()]
    one.#other = other
    other.#other = one
    return [one, other]
  }

  override address(): AddressInfo | Record<string, never> {
    const { localAddress: address, localPort: port, localFamily: family = 'IPv4' } = this
    return address === undefined || port === undefined ? {} : { address, port, family }
  }

  override _read(): void {
    const more = this.#more
    this.#more = undefined
    more?.()
  }

  // A socket is given text as text.
  override _write(
    chunk: Buffer | string,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#send(toBytes({ chunk, encoding }), done)
  }

  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(Buffer.concat(chunks.map(toBytes)), done)
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    const other = this.#other
    if (other === undefined || other.destroyed || chunk.length === 0) {
      process.nextTick(done)
      return
    }
    this.bytesWritten += chunk.length
    other.bytesRead += chunk.length
    this.#stir()
    other.#stir()
    // As in Node's `duplexPair`: the next chunk is accepted when this one has been read.
    other.#more = done
    other.push(chunk)
  }

  override _final(done: (error?: Error | null) => void): void {
    const other = this.#other
    if (other !== undefined && !other.destroyed) other.push(null)
    done()
  }

  /** Destroying one end destroys the other, so that nobody waits for it. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other
    this.#other = undefined
    this.#more = undefined
    process.nextTick(() => other?.destroy())
    super._destroy(error, done)
  }

  /** Restarts the timer of `setTimeout` after activity. */
  #stir(): void {
    if (this.timeout !== undefined && this.timeout > 0) this.setTimeout(this.timeout)
  }
}

function toBytes({ chunk, encoding }: { chunk: Buffer | string; encoding: BufferEncoding }): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
}

// Further members of a TLS socket, because `encrypted` says that it is one. The TLS session was that of the call's
// connection and is unknown here, so they answer like those of a peer without a certificate.
const nothing = (): undefined => undefined
const ofTls: Readonly<Record<string, (...args: readonly unknown[]) => unknown>> = {
  getPeerCertificate: () => ({}),
  getPeerX509Certificate: nothing,
  getCertificate: () => ({}),
  getX509Certificate: nothing,
  getCipher: () => ({}),
  getProtocol: () => null,
  getEphemeralKeyInfo: () => ({}),
  getSharedSigalgs: () => [],
  getFinished: nothing,
  getPeerFinished: nothing,
  getSession: nothing,
  getTLSTicket: nothing,
  isSessionReused: () => false,
  setMaxSendFragment: () => false,
  setServername: nothing,
  setSession: nothing,
  setKeyCert: nothing,
  enableTrace: nothing,
  disableRenegotiation: nothing,
  renegotiate: (_options, callback) => {
    if (typeof callback === 'function') process.nextTick(callback, new Error(noSession))
    return false
  },
  // A key that everybody knows would be worse than none.
  exportKeyingMaterial: () => {
    throw new Error(noSession)
  },
}
const noSession = 'a call that was held has no TLS session'
Object.assign(InnerSocket.prototype, ofTls)
