// Draws each label of the ZPL on standard input, as its printer would: a JSON list of PNGs in base64.
// `node render.cjs WIDTH_MM HEIGHT_MM`, 8 dots a millimeter.
const { ready } = require("zpl-renderer-js");

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const [width, height] = process.argv.slice(2).map(Number);
  const { api } = await ready;
  const labels = await api.zplToBase64MultipleAsync(Buffer.concat(chunks).toString("latin1"), width, height, 8);
  process.stdout.write(JSON.stringify(labels));
  process.exit(0);
}

main();
