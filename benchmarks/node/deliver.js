// The harness of benchmarks/contenders/harness.py for Node: node deliver.js TASKS CONTENT SOCKETS
import { readFileSync } from "node:fs";
import { SdkPush } from "./aws.js";

const [tasks, content, sockets] = process.argv.slice(2);
const client = new SdkPush(content, Number(sockets));

for (const task of JSON.parse(tasks)) {
  console.log(JSON.stringify(await measure(task)));
}
process.exit(0);

async function measure({ users, connections, seconds, warm }) {
  const names = Array.from({ length: users }, (_, number) => `c${connections}-u${number}`);
  const push = async () => {
    const delivered = await client.push(names);
    if (delivered !== users * connections) {
      throw new Error(`delivered to ${delivered} connections instead of ${users * connections}`);
    }
  };
  for (let count = 0; count < warm; count += 1) {
    await push();
  }
  const before = process.cpuUsage();
  const started = process.hrtime.bigint();
  const until = started + BigInt(Math.round(seconds * 1e9));
  let pushes = 0;
  let now = started;
  while (pushes === 0 || now < until) {
    await push();
    pushes += 1;
    now = process.hrtime.bigint();
  }
  // All threads of the process, the compiler's and the garbage collector's included.
  const used = process.cpuUsage(before);
  return {
    users,
    connections,
    pushes,
    cpu: (used.user + used.system) / pushes,
    wall: Number(now - started) / 1000 / pushes,
    peak: peakMemory(),
  };
}

function peakMemory() {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/VmHWM:\s*(\d+)/.exec(status)[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
