// Copies the client into the sample project, which stands alone.

import { copyFile } from 'node:fs/promises'

for (const name of ['index.js', 'index.d.ts']) {
  const copy = name.replace('index', 'client')
  await copyFile(new URL(`../../src/${name}`, import.meta.url), new URL(`../../sample/${copy}`, import.meta.url))
}
