// A function's life up to its first answer: node first_answer.js HANDLER EVENT
const [name, event] = process.argv.slice(2);
const { handler } = await import(`./handlers/${name}.js`);
console.log(JSON.stringify(await handler(JSON.parse(event))));
process.exit(0);
