"""Every safeguard of the guarantee, as the edit that removes it, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass

LOOP = ("tests/shared/kafka/test_loop_in_memory.py",)
UNITS = ("tests/shared/kafka",)
MYSQL = ("tests/services/db_writer/test_mysql.py", "tests/services/db_writer/test_epochs.py")
MONGODB = ("tests/services/db_writer/test_mongo.py", "tests/services/db_writer/test_documents.py")
READINGS = ("tests/services/db_writer/test_readings.py",)
UPLOAD_LOG = ("tests/services/api_gateway/test_upload_log.py",)
CLOCK = ("tests/services/api_gateway/test_broker_clock.py",)
VERDICTS = ("tests/shared/streams/test_verdict.py",)
WAIVER = ("tests/shared/dead_letters/test_waiver.py",)
DOCPROC = ("tests/services/docproc/test_handlers.py",)
DISK = ("tests/shared/test_durable_folder.py",)


@dataclass(frozen=True)
class Mutant:
    """`before` stands exactly once in `file`; without it the promise in `safeguard` no longer holds."""

    safeguard: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "a dead letter is awaited before its record counts as finished",
        "shared/kafka/settling.py",
        "await self._deliver([letter, *self._told(message, failure)])",
        "self._unawaited = asyncio.ensure_future(self._deliver([letter, *self._told(message, failure)]))",
        LOOP,
    ),
    Mutant(
        "what a handler returned is published before its records count as finished",
        "shared/kafka/settling.py",
        "await self._publish(encode(handled.emits, self._pipeline.service))",
        "pass",
        LOOP,
    ),
    Mutant(
        "the watermark moves over an unbroken run only",
        "shared/kafka/watermark.py",
        "self._finished.update(offsets)",
        "self._next = max(offsets) + 1",
        UNITS,
    ),
    Mutant(
        "a revoke waits for work under way",
        "shared/kafka/loop.py",
        "await self._drain(partitions, cancel=False)",
        "pass",
        LOOP,
    ),
    Mutant(
        "what has finished is committed when a partition leaves",
        "shared/kafka/loop.py",
        "await self._commit(self._offsets.withdraw(partitions))",
        "self._offsets.withdraw(partitions)",
        LOOP,
    ),
    Mutant(
        "long work goes on where its partition comes back",
        "shared/kafka/loop.py",
        "if done or self._carried_on:",
        "if False:",
        LOOP,
    ),
    Mutant(
        "an outage is no fault of the record",
        "shared/kafka/retry.py",
        "return Retry(max(error.retry_after or 0.0, policy.wait(attempt)), outage=True)",
        "return GiveUp(Code.BUG, str(error))",
        UNITS,
    ),
    Mutant(
        "an outage uses up none of a record's attempts",
        "shared/kafka/settling.py",
        "outages, faults = outages + outage, faults + (not outage)",
        "outages, faults = outages + 1, faults + 1",
        LOOP,
    ),
    Mutant(
        "a batch is halved until the bad record is alone",
        "shared/kafka/settling.py",
        "if len(batch) > 1 and not outage:",
        "if False:",
        LOOP,
    ),
    Mutant(
        "records of a key wait while a batch has some of it",
        "shared/kafka/lanes.py",
        "if key in self._shut:",
        "if False:",
        LOOP,
    ),
    Mutant(
        "a key stays shut while a batch of it is under way",
        "shared/kafka/lanes.py",
        "self._shut |= taken",
        "pass",
        UNITS,
    ),
    Mutant(
        "the buffer is bounded",
        "shared/kafka/loop.py",
        "if not self._fills(1.0):",
        "if True:",
        LOOP,
    ),
    Mutant(
        "one batch at a time asks a dependency that is away",
        "shared/kafka/circuit.py",
        "if self._failures >= OPENS_AFTER:",
        "if False:",
        UNITS,
    ),
    Mutant(
        "too many dead letters halt",
        "shared/kafka/settling.py",
        "self._limit.check(record, failure.code, failure.message)",
        "pass",
        LOOP,
    ),
    Mutant(
        "a consumer that stands still is replaced",
        "shared/kafka/loop.py",
        "            if still:\n",
        "            if False:\n",
        LOOP,
    ),
    Mutant(
        "a record put back for one group is handled by no other",
        "shared/kafka/loop.py",
        "if others := [record for record in records if self._is_for_another_group(record)]:",
        "if False:",
        LOOP,
    ),
    Mutant(
        "every outcome is in the ledger",
        "shared/kafka/settling.py",
        "self._ledger.settle(topic.name, Outcome.DEAD_LETTERED)",
        "pass",
        LOOP,
    ),
    Mutant(
        "of one batch's rows of a key the newest is written",
        "services/db_writer/rows.py",
        "if known is None or row.version >= known.version:",
        "if True:",
        ("tests/services/db_writer/test_rows.py",),
    ),
    Mutant(
        "MySQL keeps the newer row",
        "services/db_writer/sql.py",
        'wins = f"{new(EPOCH)} > {old(EPOCH)} OR {same_epoch}"',
        'wins = "TRUE"',
        MYSQL,
    ),
    Mutant(
        "MongoDB keeps the newer document",
        "services/db_writer/newest.py",
        'ReplaceOne({"_id": document["_id"], "$or": steps}, document, upsert=True)',
        'ReplaceOne({"_id": document["_id"]}, document, upsert=True)',
        READINGS,
    ),
    Mutant(
        "a deadlock is an outage",
        "services/db_writer/mysql.py",
        "if number in REFUSED_VALUES:",
        "if number in REFUSED_VALUES | {1213}:",
        MYSQL,
    ),
    Mutant(
        "a wrong password is an outage",
        "services/db_writer/mongo_errors.py",
        "if codes & REFUSED_DOCUMENTS:",
        "if codes & (REFUSED_DOCUMENTS | {18}):",
        MONGODB,
    ),
    Mutant(
        "a document's text is stored before its chunks are published",
        "services/docproc/handlers.py",
        "await writer.write(parsed.text[start : start + PIECE])",
        "pass",
        DOCPROC,
    ),
    Mutant(
        "what waited behind a parser that was ended is read by its successor",
        "services/docproc/pool.py",
        "future if pool is self._pool else None",
        "future",
        ("tests/services/docproc/test_pool.py",),
    ),
    Mutant(
        "a collection of vectors is of one model",
        "services/db_writer/mongo.py",
        "await self._model.check(vectors)",
        "pass",
        ("tests/services/db_writer/test_models_in_use.py",),
    ),
    Mutant(
        "a vector from the cache is the one that was put there",
        "services/embedding/cache.py",
        "return vector if value == _sealed(key, vector) else None",
        "return vector",
        ("tests/services/embedding/test_cache.py",),
    ),
    Mutant(
        "after a 429 nobody asks before the time that the server named",
        "services/embedding/throttle.py",
        "pause = max(self._paused_until - now, ",
        "pause = max(0.0, ",
        ("tests/services/embedding/test_rate.py",),
    ),
    Mutant(
        "an upload is answered only when its topic was asked for once more",
        "services/api_gateway/handlers.py",
        "        await self._log.confirm(admission, record)\n",
        "",
        UPLOAD_LOG,
    ),
    Mutant(
        "an acknowledgement below a known end of the log is no 202",
        "services/api_gateway/upload_log.py",
        "if written.offset < admission.ends.get(number, 0):",
        "if False:",
        UPLOAD_LOG,
    ),
    Mutant(
        "acknowledgements that overtake each other raise no alarm",
        "services/api_gateway/upload_log.py",
        "if written.offset < admission.ends.get(number, 0):",
        "if written.offset < self._ends.get(number, 0):",
        UPLOAD_LOG,
    ),
    Mutant(
        "no upload is accepted before db_writer has put the incarnation into the store",
        "services/api_gateway/upload_log.py",
        "elif not adopted.stored:",
        "elif False:",
        UPLOAD_LOG,
    ),
    Mutant(
        "a log that lost its end is refused also when it has grown again",
        "services/api_gateway/upload_log.py",
        "self._cut = self._cut or self._shorter",
        "pass",
        UPLOAD_LOG,
    ),
    Mutant(
        "what was accepted before a log was lost isn't swept at once",
        "services/api_gateway/sweeper.py",
        "if one.written_at >= kept_before]",
        "]",
        ("tests/services/api_gateway/test_sweeper.py",),
    ),
    Mutant(
        "statuses of a topic that was made anew are read",
        "services/api_gateway/tail.py",
        "                await self._check_topic()\n",
        "",
        ("tests/services/api_gateway/test_status_tail.py",),
    ),
    Mutant(
        "stored bytes are on the disk before anybody hears of them",
        "shared/objects.py",
        "await self._folder.sync(self._path)",
        "pass",
        DISK,
    ),
    Mutant(
        "a file's name is on the disk as its bytes are",
        "shared/durable_folder.py",
        "    for folder in folders:\n        sync_folder(folder)",
        "    return",
        DISK,
    ),
    Mutant(
        "a disk that fails to sync is an outage",
        "shared/durable_folder.py",
        "if error.errno not in NO_SYNC_OF_FOLDERS:",
        "if False:",
        DISK,
    ),
    Mutant(
        "a broker whose clock is wrong gets no more events",
        "services/api_gateway/broker_clock.py",
        "raise ClockApart(watched.sentence(), retry_after=EVERY_SECONDS)",
        "return PUBLISHED_AT_ONCE",
        CLOCK,
    ),
    Mutant(
        "the duration of a round trip is no skew",
        "services/api_gateway/broker_clock.py",
        "return max(0, appended - acknowledged) + min(0, appended - sent)",
        "return appended - sent",
        CLOCK,
    ),
    Mutant(
        "a clock that is behind is as wrong as one that is ahead",
        "services/api_gateway/broker_clock.py",
        "if abs(apart_ms) <= self.bound_ms:",
        "if apart_ms <= self.bound_ms:",
        CLOCK,
    ),
    Mutant(
        "it takes several acknowledgements in a row",
        "services/api_gateway/broker_clock.py",
        "return self.in_a_row >= IN_A_ROW",
        "return True",
        CLOCK,
    ),
    Mutant(
        "a good acknowledgement between them begins the row anew",
        "services/api_gateway/broker_clock.py",
        "self.sights.pop(broker, None)\n            return",
        "return",
        CLOCK,
    ),
    Mutant(
        "another broker's clock ends no refusal",
        "services/api_gateway/broker_clock.py",
        "for broker in watched.refusing.keys() & found.keys():\n                watched.see(broker, found[broker])",
        "for broker in watched.refusing:\n                watched.see(broker, min(found.values(), key=abs, default=0))",
        CLOCK,
    ),
    Mutant(
        "a time of the producer's own is no evidence of a broker's clock",
        "shared/kafka/client/outbox.py",
        "self._broker = None if self._appended is None else leader",
        "self._broker = leader",
        ("tests/shared/kafka/test_producer.py",),
    ),
    Mutant(
        "a broker that no probe reaches is tried with one event",
        "services/api_gateway/broker_clock.py",
        "            return 1\n",
        "            return PUBLISHED_AT_ONCE\n",
        CLOCK,
    ),
    Mutant(
        "a refusal ends by itself",
        "services/api_gateway/broker_clock.py",
        "                await self.look()\n",
        "                pass\n",
        CLOCK,
    ),
    Mutant(
        "a broker that leads no partition any more refuses nothing",
        "services/api_gateway/broker_clock.py",
        "            del sights[broker]\n",
        "            pass\n",
        CLOCK,
    ),
    Mutant(
        "a redriven record is judged by its first time",
        "shared/streams/verdict.py",
        "return judge(stream, record.value, record.first.timestamp)",
        "return judge(stream, record.value, record.timestamp)",
        VERDICTS,
    ),
    Mutant(
        "a waived event is not from the future of its redrive",
        "shared/streams/verdict.py",
        "return judge(stream, record.value, record.timestamp, any_age=True)",
        "return judge(stream, record.value, 2**62, any_age=True)",
        VERDICTS,
    ),
    Mutant(
        "a waiver counts for a record that was put back here alone",
        "shared/kafka/records.py",
        "return self._origin is not None and self.header",
        "return self.header",
        VERDICTS,
    ),
    Mutant(
        "`cauce verify` judges as Spark does what was put back",
        "shared/streams/recompute.py",
        "verdict = judge_record(self.stream, record)",
        "verdict = judge_record(self.stream, record._replace(headers=()))",
        ("tests/shared/streams/test_recompute.py",),
    ),
    Mutant(
        "a late event that would be late again is not put back",
        "shared/dead_letters/waiver.py",
        "and not (changed or waived):",
        "and False:",
        WAIVER,
    ),
    Mutant(
        "a waiver is recorded with what was done",
        "shared/dead_letters/redrive.py",
        "            accept_time=accept_time,\n",
        "",
        WAIVER,
    ),
    Mutant(
        "a rule is waived with a reason alone",
        "cauce/dlq.py",
        'if accept_time and not (reason or "").strip():',
        "if False:",
        ("tests/cauce/test_dlq.py",),
    ),
    Mutant(
        "a group goes back with a store that was put back",
        "shared/kafka/progress.py",
        "return min(committed, max(bookmark.offset, now.start))",
        "return committed",
        UNITS,
    ),
    Mutant(
        "a group begins anew with a store that was emptied",
        "shared/kafka/progress.py",
        "return min(committed, now.start)",
        "return committed",
        UNITS,
    ),
    Mutant(
        "a store that was put back is told nothing before its group has gone back",
        "shared/kafka/progress.py",
        "        if self._put_back is not None:\n            raise self._put_back\n        for",
        "        for",
        UNITS,
    ),
    Mutant(
        "a bookmark in MongoDB is only raised from the one that was seen",
        "services/db_writer/progress.py",
        '{"_id": key, "topic_id": before.topic_id, "offset": before.offset}',
        '{"_id": key}',
        ("tests/services/db_writer/test_progress.py",),
    ),
    Mutant(
        "a bookmark in MySQL is only raised from the one that was seen",
        "services/db_writer/sql.py",
        "AND `partition` = %s AND topic_id = %s AND position = %s",
        "AND `partition` = %s AND (TRUE OR topic_id = %s OR position = %s)",
        ("tests/services/db_writer/test_progress.py",),
    ),
    Mutant(
        "records that a store lacks and that are not kept any more are said",
        "shared/kafka/progress.py",
        "if bookmark.offset < min(now.start, committed) and not _adopted_since(bookmark, now):",
        "if False:",
        UNITS,
    ),
    Mutant(
        "nothing is written over where the stores are of another log",
        "services/db_writer/logs.py",
        "if told := mismatch(known.topic, known.topic_id, adopted, stored, known.ends):",
        "if told := None:",
        ("tests/services/db_writer/test_logs.py",),
    ),
    Mutant(
        "documents of a log that nobody has recorded are seen at the first start",
        "services/db_writer/logs.py",
        "if made_in == adopted.incarnation and end > known.ends.get(longest, 0):",
        "if False:",
        ("tests/services/db_writer/test_logs.py",),
    ),
    Mutant(
        "one keeper doesn't undo what another has kept",
        "services/db_writer/stored_logs.py",
        '"topic_id": instead_of.topic_id, "incarnation": instead_of.incarnation}',
        "}",
        ("tests/services/db_writer/test_keeper.py",),
    ),
    Mutant(
        "the store knows how far it has seen the uploads",
        "services/db_writer/handlers.py",
        "await self._logs.raise_ends(ends_of(statuses))",
        "pass",
        ("tests/services/db_writer/test_keeper.py",),
    ),
    Mutant(
        "an epoch begins above all that MySQL has",
        "services/db_writer/stream_epochs.py",
        "epoch=greatest + 1,",
        "epoch=1,",
        ("tests/services/db_writer/test_stream_epochs.py",),
    ),
)
