/** Aborted by Ctrl-C and SIGTERM, which `say` is told. The second time ends at once: the watchdog takes the rest along. */
export function onInterrupt(say: (line: string) => void, word = "stopping"): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    say(word);
    controller.abort(new Error("interrupted"));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  return controller.signal;
}
