// `npm run requirements`: writes which tests carry each id into docs/requirements.md. With --check it only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, filesIn } from './build-step.mjs';

const PAGE = join(ROOT, 'docs/requirements.md');
const ID = /\b(?:AP|BF|BK|CK|CS|EN|GQ|HD|LK|OR|PW|PX|SC|SE|SO|ST|TK|WS)-\d+\b/g;
const ROW = /^\| ([A-Z]{2}-\d+) \| (.*?) \| .*\|$/;

const testsOf = new Map();
for (const file of ['src', 'client', 'web', 'test']
  .flatMap(filesIn)
  .filter((path) => /[.-]spec\.tsx?$|\.contract\.ts$/.test(path))) {
  for (const [id] of readFileSync(join(ROOT, file), 'utf8').matchAll(ID)) {
    testsOf.set(id, (testsOf.get(id) ?? new Set()).add(file));
  }
}

const committed = readFileSync(PAGE, 'utf8');
const defined = new Set();
const made = committed.replaceAll(new RegExp(ROW, 'gm'), (_row, id, text) => {
  defined.add(id);
  const files = [...(testsOf.get(id) ?? [])].sort((one, other) => one.localeCompare(other));
  const tests = files.map((file) => `[${file.replace(/^.*\//, '')}](../${file})`);
  return `| ${id} | ${text} | ${tests.join(', ')} |`;
});

const faults = [
  ...[...testsOf.keys()]
    .filter((id) => !defined.has(id))
    .map((id) => `${id} is carried by ${[...testsOf.get(id)].join(', ')} and not defined.`),
  ...[...defined].filter((id) => !testsOf.has(id)).map((id) => `${id} has no test that carries it.`),
];
if (!process.argv.includes('--check')) writeFileSync(PAGE, made);
else if (made !== committed) faults.push('docs/requirements.md is out of date: run `npm run requirements`.');
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exitCode = 1;
}
