/** The private part of KafkaJS 2.2.4 that calm.ts uses. The package is frozen, so this shape does not move. */
declare module "kafkajs/src/network/requestQueue/index.js" {
  class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests: (this: RequestQueue) => void;
  }
  export = RequestQueue;
}
