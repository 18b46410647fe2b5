import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'

// `node test/dist/soak/dashboard.js [--metrics 9464] [--seconds 90] [--pictures FOLDER]`, beside a soak with the same --metrics:
// a real Prometheus asks the instance, and is asked every query of docs/observability/dashboard.json and every alert of
// docs/observability.md. Ends with 1 where one has no answer. Needs `prometheus` and `promtool`; for pictures of each
// query `chromium`.

const { values } = parseArgs({
  options: {
    metrics: { type: 'string', default: '9464' },
    port: { type: 'string', default: '9491' },
    seconds: { type: 'string', default: '90' },
    pictures: { type: 'string' },
  },
})
const root = new URL('../../../', import.meta.url)
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'countersign-dashboard-'))
const address = `http://127.0.0.1:${values.port}`

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}
interface Answer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}

/** As Grafana fills it in. */
const filled = (expr: string): string =>
  expr.replaceAll('$resource', '.*').replaceAll('$__rate_interval', `${values.seconds}s`)

async function ask(query: string): Promise<Answer['data']['result']> {
  const response = await fetch(`${address}/api/v1/query?query=${encodeURIComponent(query)}`)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return ((await response.json()) as Answer).data.result
}

function start(): ChildProcess {
  const alerts = /```yaml\n(.*?)```/s.exec(read('docs/observability.md'))?.[1] ?? ''
  writeFileSync(join(folder, 'alerts.yml'), alerts)
  process.stdout.write(
    execFileSync('promtool', ['check', 'rules', join(folder, 'alerts.yml')], { encoding: 'utf8' }),
  )
  const config = `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs:
  - job_name: countersign
    static_configs: [{ targets: ['127.0.0.1:${values.metrics}'] }]
`
  writeFileSync(join(folder, 'prometheus.yml'), config)
  process.stdout.write(
    execFileSync('promtool', ['check', 'config', join(folder, 'prometheus.yml')], { encoding: 'utf8' }),
  )
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
  ]
  return spawn('prometheus', [...args, `--web.listen-address=127.0.0.1:${values.port}`], { stdio: 'ignore' })
}

const prometheus = start()
let missing = 0
try {
  await wait(Number(values.seconds) * 1000)
  const { panels } = JSON.parse(read('docs/observability/dashboard.json')) as Dashboard
  const queries: string[] = []
  for (const { title, targets } of panels)
    for (const { expr } of targets) {
      const query = filled(expr)
      const result = await ask(query)
      const numbers = result.map(({ value: [, text] }) => Number(text))
      const has = numbers.some((value) => !Number.isNaN(value))
      if (!has) missing++
      console.log(`${has ? 'ok  ' : 'BAD '} ${title}: ${result.length} series, up to ${Math.max(...numbers)}`)
      if (!has) console.log(`     ${query}`)
      queries.push(query)
    }
  const rules = await (await fetch(`${address}/api/v1/rules`)).text()
  for (const [, name, health] of rules.matchAll(/"name":"(AAuth\w+)".*?"health":"(\w+)"/g)) {
    console.log(`${health === 'ok' ? 'ok  ' : 'BAD '} alert ${name}`)
    if (health !== 'ok') missing++
  }
  const { pictures } = values
  if (pictures !== undefined)
    for (const [n, query] of queries.entries()) picture(query, join(pictures, `${n + 1}.png`))
} finally {
  prometheus.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
process.exit(missing === 0 ? 0 : 1)

/** The query over the last minutes, as Prometheus itself draws it. */
function picture(query: string, file: string): void {
  const url = `${address}/graph?g0.expr=${encodeURIComponent(query)}&g0.tab=0&g0.range_input=5m&g0.stacked=0`
  const options = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--window-size=1200,900',
    '--virtual-time-budget=8000',
  ]
  execFileSync('chromium', [...options, `--screenshot=${file}`, url], { stdio: 'ignore', timeout: 60_000 })
}
