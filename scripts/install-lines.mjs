// The commands that install the packed packages in another project while they are on no registry.

/** @typedef {{ readonly tarball: string, readonly name: string, readonly dependencies: readonly string[], readonly peers: readonly string[] }} Packed */

/**
 * The packages that must be named together: tarballs refer to each other by version, and npm looks on the registry
 * for any package that is not named.
 *
 * @param {readonly Packed[]} packed
 * @param {readonly string[]} wanted
 */
const withDependencies = (packed, wanted) => {
  const needed = new Set(wanted)
  for (const name of needed) {
    const found = packed.find((each) => each.name === name)
    if (found === undefined) throw new Error(`${name} is not among the packed packages`)
    for (const dependency of [...found.dependencies, ...found.peers]) {
      if (packed.some((each) => each.name === dependency)) needed.add(dependency)
    }
  }
  return packed.filter(({ name }) => needed.has(name))
}

/** @param {string} path */
const quoted = (path) => {
  if (/^[\w@%+=:,./\\-]+$/.test(path)) return path
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`
}

/**
 * `npm install` for Express, for Fastify, for either in NestJS, and for the other packages. The framework is named,
 * too: npm would install it as a peer, but a program that imports it should have it among its own dependencies; only
 * NestJS brings its own. So is a client for the Redis store, which works with either of two and therefore has neither
 * as a peer.
 *
 * @param {readonly Packed[]} packed
 * @returns {readonly { readonly title: string, readonly command: string }[]}
 */
export const installLines = (packed) => {
  /**
   * @param {string} title
   * @param {readonly string[]} wanted
   * @param {{ readonly beside?: readonly string[], readonly withPeers?: boolean, readonly flag?: string, readonly alone?: boolean }} [more]
   *   `alone`: the dependencies are already there
   */
  const line = (title, wanted, { beside = [], withPeers = true, flag, alone = false } = {}) => {
    const needed = withDependencies(packed, wanted).filter(({ name }) => !alone || wanted.includes(name))
    const peers = needed
      .flatMap((each) => each.peers)
      .filter((peer) => !needed.some(({ name }) => name === peer))
    const others = new Set([...(withPeers ? peers : []), ...beside])
    const args = [...needed.map(({ tarball }) => quoted(tarball)), ...others]
    return { title, command: ['npm install', ...(flag === undefined ? [] : [flag]), ...args].join(' ') }
  }
  return [
    line('Express', ['@countersign/express']),
    line('Fastify', ['@countersign/fastify']),
    line('NestJS, on Express', ['@countersign/express'], { withPeers: false }),
    line('NestJS, on Fastify', ['@countersign/fastify'], { withPeers: false }),
    line('beside one of these: the devkit, for your tests', ['@countersign/devkit'], {
      flag: '-D',
      alone: true,
    }),
    line(
      'beside one of these: the Redis store and its client (ioredis does as well)',
      ['@countersign/redis'],
      {
        beside: ['redis'],
        alone: true,
      },
    ),
  ]
}
