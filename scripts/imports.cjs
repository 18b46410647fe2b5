// The allowed directions of imports; `npm run check` fails on any other (dependency-cruiser). Imports of types count,
// tests do not.
//
// A folder of core may import its own files and the folders on the lines below, but not its neighbours on the same
// line. A file in no folder is a vocabulary: every folder may use it, and it uses none. The folder `events` is one,
// too, through `events.ts`.
const lines = [
  // The exports under `@countersign/core/…`.
  ['entries'],
  ['telemetry'],
  ['explaining'],
  ['server'],
  ['endpoints'],
  ['policies'],
  ['access'],
  ['interaction', 'session'],
  ['pending'],
  ['chaining'],
  ['authentication'],
  ['replay', 'revocation', 'denial', 'users', 'adoption'],
  ['audit'],
  ['decision'],
  ['signature', 'token', 'answer', 'node'],
  ['issuer', 'own-keys', 'store'],
  ['http'],
  ['crypto'],
  ['configuration', 'time', 'tracing'],
]

const core = '^packages/core/src/'

/** @param {string[]} folders */
const within = (folders) => `${core}(${folders.join('|')})/`

const upward = lines.flatMap((line, index) =>
  line.map((folder) => ({
    name: `upward-from-${folder}`,
    severity: 'error',
    from: { path: within([folder]) },
    to: {
      path: [
        // Nothing is above the first line; `$^` matches no path.
        within([
          ...lines
            .slice(0, index + 1)
            .flat()
            .filter((other) => other !== folder),
          '$^',
        ]),
        `${core}index\\.ts$`,
      ],
    },
  })),
)

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'circle', severity: 'error', from: {}, to: { circular: true } },
    ...upward,
    {
      name: 'vocabulary-imports-no-folder',
      severity: 'error',
      from: { path: [`${core}[^/]+\\.ts$`, within(['events'])], pathNot: `${core}index\\.ts$` },
      to: { path: `${core}[^/]+/`, pathNot: within(['events']) },
    },
    {
      name: 'events-are-one-vocabulary',
      severity: 'error',
      from: { path: core, pathNot: [`${core}events\\.ts$`, within(['events'])] },
      to: { path: within(['events']) },
    },
    {
      name: 'folder-has-its-line',
      comment: 'A new folder of core gets a place in the list above.',
      severity: 'error',
      from: {},
      to: { path: `${core}[^/]+/`, pathNot: within([...lines.flat(), 'events']) },
    },
    {
      name: 'core-knows-no-framework',
      severity: 'error',
      from: { path: '^packages/core/' },
      to: { path: ['^packages/(?!core/)', 'node_modules/(express|fastify|ioredis|redis)/'] },
    },
    {
      name: 'agent-knows-core-alone',
      severity: 'error',
      from: { path: '^packages/agent/' },
      to: { path: '^packages/(?!agent/|core/)' },
    },
    {
      name: 'packages-are-imported-by-name',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: ['^packages/$1/', '^packages/(core|agent)/dist/'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['[.]test[.]ts$', '/testing/'] },
    // Types as well: they are absent at run time, but still tie modules together.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'default'],
    },
  },
}
