import type { AssessedTopic } from "#domain/assessment.ts";
import { figure, took } from "#domain/wording.ts";
import { type Check, kafkaPage, ofTopics, type Verdict, whenKnown } from "./check.ts";
import { findOut } from "./find-out.ts";
import { dayMs, leastCopyMs, nothingHeld, numberOf, settingOf, type View } from "./view.ts";

const hourMs = 3_600_000;
/** Before 1971: -1 or 0, of clients that set none. */
const firstYear = 365 * dayMs;

/** What may be gone before it is copied, or right after. */

/** Segments go by their newest record, so that older ones stay for a while; on MSK they arrive in new segments. */
function judgePastRetention(view: View, topic: AssessedTopic): Verdict {
  if (topic.compacted || nothingHeld(topic)) return undefined;
  return whenKnown(numberOf(settingOf(view, topic, "retention.ms", String(7 * dayMs))), (retention) => {
    if (retention < 0) return undefined;
    return whenKnown(topic.oldestTimestamp, (oldest) => {
      const age = view.now - Date.parse(oldest);
      return Date.parse(oldest) >= firstYear && age > retention
        ? `records from ${oldest} on with a retention of ${took(retention)}`
        : undefined;
    });
  });
}

function judgeRetention(view: View, topic: AssessedTopic): Verdict {
  if (topic.compacted) return undefined;
  return whenKnown(numberOf(settingOf(view, topic, "retention.ms", String(7 * dayMs))), (retention) => {
    if (retention < 0) return undefined;
    const hours = `retention ${(retention / hourMs).toFixed(1)} h`;
    if (retention > 0 && retention < leastCopyMs)
      return `${hours}, a first copy is allowed ${leastCopyMs / hourMs} h`;
    return whenKnown(view.copyMs, (copyMs) =>
      retention < copyMs
        ? `${hours}, the first copy is expected to take ${(copyMs / hourMs).toFixed(1)} h at 20 MB/s`
        : undefined,
    );
  });
}

/** How long a partition takes to reach retention.bytes at the rate measured. */
function judgeRetentionBytes(view: View, topic: AssessedTopic): Verdict {
  if (topic.compacted) return undefined;
  return whenKnown(numberOf(settingOf(view, topic, "retention.bytes", "-1")), (bytes) => {
    if (bytes < 0) return undefined;
    return whenKnown(topic.bytesPerSecond, (rate) => {
      if (rate === 0) return undefined;
      const lasts = ((bytes * topic.partitions) / rate) * 1000;
      return whenKnown(view.copyMs, (copyMs) =>
        lasts < copyMs
          ? `retention.bytes ${figure(bytes)} is reached in ${took(lasts)} at ${figure(rate)} bytes/s; the first copy is allowed ${took(copyMs)}`
          : undefined,
      );
    });
  });
}

function judgeTombstones(view: View, topic: AssessedTopic): Verdict {
  if (!topic.compacted) return undefined;
  return whenKnown(numberOf(settingOf(view, topic, "delete.retention.ms", String(dayMs))), (kept) =>
    whenKnown(view.copyMs, (copyMs) =>
      kept < copyMs
        ? `delete.retention.ms is ${took(kept)}; the first copy is allowed ${took(copyMs)}`
        : undefined,
    ),
  );
}

function judgeMissingTime(topic: AssessedTopic): Verdict {
  if (nothingHeld(topic)) return undefined;
  return whenKnown(topic.oldestTimestamp, (oldest) =>
    Date.parse(oldest) < firstYear ? `a record with the timestamp ${oldest}` : undefined,
  );
}

export const retentionChecks: readonly Check[] = [
  {
    code: "PAST_RETENTION",
    severity: "info",
    seen: "The first record held is older than the topic's retention: a segment goes when its newest record is that old. On MSK these copies lie in other segments and may go at once.",
    remedy: "Nothing is needed unless readers count on them; verify counts what both sides hold",
    find: findOut.ages,
    page: kafkaPage("topicconfigs_retention.ms"),
    look: (view) => ofTopics(view.wanted, (topic) => judgePastRetention(view, topic)),
  },
  {
    code: "RETENTION_SHORT",
    severity: "warning",
    seen: "retention.ms in effect, against the expected time of the first copy: all bytes on disk at 20 MB/s, and no less than 5 h. What expires before it is copied is lost to the target.",
    remedy: `Raise it until the copy is complete: retention.ms=${12 * hourMs} or more`,
    find: findOut.sizes,
    page: kafkaPage("topicconfigs_retention.ms"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeRetention(view, topic)),
  },
  {
    code: "RETENTION_BYTES_SHORT",
    severity: "warning",
    seen: "retention.bytes times the partitions, by the rate measured: how soon a record goes, against the expected time of the first copy.",
    remedy: "Raise retention.bytes until the copy is complete",
    find: findOut.sizes,
    page: kafkaPage("topicconfigs_retention.bytes"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeRetentionBytes(view, topic)),
  },
  {
    code: "TOMBSTONES_SHORT",
    severity: "warning",
    seen: "delete.retention.ms of a compacted topic, against the expected time of the first copy: a tombstone that is removed before it was copied leaves its key alive on MSK.",
    remedy: "Raise delete.retention.ms above the time of the copy before it begins",
    find: findOut.sizes,
    page: kafkaPage("topicconfigs_delete.retention.ms"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeTombstones(view, topic)),
  },
  {
    code: "TIMESTAMPS_MISSING",
    severity: "warning",
    seen: "The first record held has no timestamp or one of 1970. Retention by time deletes such copies at once, and a search by time does not find them.",
    remedy:
      "Set retention.ms=-1 on the target's topic until the readers have moved, or let these records expire first",
    find: findOut.ages,
    page: kafkaPage("topicconfigs_retention.ms"),
    look: (view) => ofTopics(view.wanted, judgeMissingTime),
  },
];
