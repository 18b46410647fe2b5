import { exec } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(exec)

/** What npm or Node would take over from those that run these tests. */
const inherited = /^(npm_config_local_prefix|npm_package_.*|npm_lifecycle_.*|INIT_CWD|NODE_ENV|VITEST.*)$/

/**
 * Runs a line as somebody types it, in a folder of theirs. Resolves to what it wrote, which on failure begins with
 * `failed`.
 *
 * @param more variables of the environment
 */
export async function type(line: string, cwd: string, more: Record<string, string> = {}): Promise<string> {
  const own = Object.entries(process.env).filter(([name]) => !inherited.test(name))
  // The line stays as it is written; that npm asks nobody what it already has is said here.
  const npm = { npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' }
  try {
    const env = { ...Object.fromEntries(own), ...npm, ...more }
    return (await execute(line, { cwd, env, timeout: 240_000, maxBuffer: 16 * 1024 * 1024 })).stdout
  } catch (failure) {
    const { message, stdout = '', stderr = '' } = failure as Error & { stdout?: string; stderr?: string }
    return `failed: ${message}\n${stdout}\n${stderr}`
  }
}
