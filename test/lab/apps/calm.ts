import RequestQueue from "kafkajs/src/network/requestQueue/index.js";

let calm = false;

/**
 * KafkaJS wakes up every millisecond for ever on each connection that was used once, which nine applications on two
 * cores notice. Only a request that waits needs it.
 */
export function calmDown(): void {
  if (calm) return;
  calm = true;
  const queue = RequestQueue.prototype;
  const check = queue.scheduleCheckPendingRequests;
  queue.scheduleCheckPendingRequests = function checkIfAnyWaits(this: RequestQueue) {
    if (this.pending.length > 0) check.call(this);
  };
}
