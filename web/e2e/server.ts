// Starts the built binary with an empty sandbox and ends it again.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export type Server = {
  url: string;
  signIn: string;
  folder: string;
  osc: (...words: string[]) => string;
  /** Ends it as a crash would. */
  kill: () => Promise<void>;
  /** Starts it again on the same address and data. */
  restart: () => Promise<void>;
  stop: () => void;
};

const binary = () => {
  const found = [process.env.OSC_BINARY, '../target/debug/osc', '../target/release/osc'].find(
    (path) => path && existsSync(path),
  );
  if (!found) throw new Error('no binary: run `cargo build` first');
  return resolve(found);
};

export async function startServer(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'osc-console-'));
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: join(folder, '.config') };
  const start = (listen: string) =>
    spawn(binary(), ['sandbox', '--data-dir', join(folder, 'data'), '--listen', listen], { env });
  let child = start('127.0.0.1:0');
  const output = await printed(child, /osc ready on (http:\S+)[\s\S]*(http:\S+#token=\S+)/);
  const url = output[1] ?? '';
  const token = readFileSync(join(folder, 'data', 'admin.token'), 'utf8').trim();
  return {
    url,
    signIn: output[2] ?? '',
    folder,
    osc: (...words) =>
      execFileSync(binary(), words, { env: { ...env, OSC_SERVER: url, OSC_TOKEN: token }, encoding: 'utf8' }),
    kill: () =>
      new Promise((done) => {
        child.once('exit', () => done());
        child.kill('SIGKILL');
      }),
    restart: async () => {
      child = start(new URL(url).host);
      await printed(child, /osc ready on (http:\S+)/);
    },
    stop: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the program has printed what matches; its whole output when it ends before. */
function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpMatchArray> {
  return new Promise((done, fail) => {
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      const match = text.match(pattern);
      if (match) done(match);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('exit', (code) => fail(new Error(`the server ended with ${code}:\n${text}`)));
  });
}

/** A chart with a mistake in a template. */
export function brokenChart(into: string): string {
  const folder = join(into, 'broken');
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: broken\nversion: 0.1.0\n');
  writeFileSync(join(folder, 'templates', 'all.yaml'), 'kind: ConfigMap\nname: {{ .Release.Name }\n');
  return packChart(folder, into);
}

/** Packs a chart folder as `helm package` does. */
export function packChart(chart: string, into: string, version?: string): string {
  const copy = join(into, 'charts');
  const name = chart.split('/').at(-1) ?? 'chart';
  execFileSync('mkdir', ['-p', copy]);
  execFileSync('cp', ['-r', chart, copy]);
  if (version)
    execFileSync('sed', ['-i', `s/^version: .*/version: ${version}/`, join(copy, name, 'Chart.yaml')]);
  const archive = join(into, `${name}-${version ?? 'first'}.tgz`);
  execFileSync('tar', ['-czf', archive, '-C', copy, name]);
  rmSync(copy, { recursive: true, force: true });
  return archive;
}
