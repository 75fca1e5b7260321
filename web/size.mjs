// What a browser must load before the first page shows, compressed as it is served; fails above the budget.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = 300;
const page = readFileSync('dist/index.html', 'utf8');
const files = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, name]) => name);
const sizes = files.map((name) => [
  name.endsWith('.js') ? 'scripts' : 'styles',
  gzipSync(readFileSync(`dist/${name}`), { level: 9 }).length / 1000,
]);
const sum = (kind) => sizes.reduce((total, [of, size]) => total + (of === kind ? size : 0), 0);
const scripts = sum('scripts');
process.stdout.write(
  `console, first page: scripts ${scripts.toFixed(0)} kB, styles ${sum('styles').toFixed(0)} kB (gzip; budget of scripts ${budget} kB)\n`,
);
if (files.length === 0 || scripts > budget) process.exit(1);
