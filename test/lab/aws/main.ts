import { parseArgs } from "node:util";
import { startAws } from "./stand-in.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "4566" },
    bootstrap: { type: "string", default: "127.0.0.1:9092" },
    "time-scale": { type: "string" },
  },
});
const scale = values["time-scale"];
const aws = await startAws({
  port: Number(values.port),
  bootstrap: values.bootstrap,
  ...(scale !== undefined && { timeScale: Number(scale) }),
  log: (line) => console.log(line),
});
console.log(
  `AWS_ENDPOINT_URL_KAFKA=${aws.url} AWS_ENDPOINT_URL_EC2=${aws.url} AWS_ENDPOINT_URL_CLOUDWATCH=${aws.url} AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING=${aws.url}`,
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void aws.stop());
