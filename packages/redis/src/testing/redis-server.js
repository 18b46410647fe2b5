import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
/** Whether a `redis-server` (or `valkey-server`) is installed here; its name. */
export const redisBinary = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
/** Starts a Redis on a free port of 127.0.0.1, which writes every change to disk before it acknowledges it. */
export async function startRedis(...more) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-redis-'));
    const port = await freePort();
    let child;
    const start = async () => {
        const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
        const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
        child = spawn(redisBinary, [...settings, ...durable, ...more], {
            stdio: ['ignore', 'pipe', 'inherit'],
        });
        await said(child, 'Ready to accept connections');
    };
    const end = async (signal) => {
        const running = child;
        child = undefined;
        if (running === undefined || running.exitCode !== null)
            return;
        const ended = new Promise((resolve) => running.once('exit', () => resolve()));
        running.kill(signal);
        await ended;
    };
    await start();
    return {
        port,
        url: `redis://127.0.0.1:${port}`,
        start,
        pause: () => void child?.kill('SIGSTOP'),
        resume: () => void child?.kill('SIGCONT'),
        kill: () => end('SIGKILL'),
        stop: async () => {
            child?.kill('SIGCONT');
            await end('SIGTERM');
            rmSync(directory, { recursive: true, force: true });
        },
    };
}
export function said(child, text) {
    return new Promise((resolve, reject) => {
        let output = '';
        child.stdout?.on('data', (chunk) => {
            output += chunk.toString();
            if (output.includes(text))
                resolve();
        });
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`redis ended with ${code}: ${output}`)));
    });
}
export function freePort() {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}
//# sourceMappingURL=redis-server.js.map