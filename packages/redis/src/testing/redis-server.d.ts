import { type ChildProcess } from 'node:child_process';
/** Whether a `redis-server` (or `valkey-server`) is installed here; its name. */
export declare const redisBinary: string | undefined;
/** A Redis of the test's own. */
export interface TestRedis {
    readonly port: number;
    readonly url: string;
    /** `SIGKILL`, as a machine that fails. */
    kill(): Promise<void>;
    /** It hangs, with its connections open. */
    pause(): void;
    /** It goes on where it was. */
    resume(): void;
    /** Starts it again on the same port with what it had written to disk. */
    start(): Promise<void>;
    stop(): Promise<void>;
}
/** Starts a Redis on a free port of 127.0.0.1, which writes every change to disk before it acknowledges it. */
export declare function startRedis(...more: readonly string[]): Promise<TestRedis>;
export declare function said(child: ChildProcess, text: string): Promise<void>;
export declare function freePort(): Promise<number>;
