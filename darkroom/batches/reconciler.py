"""Repair batches by the table in `batches.model`."""

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.model import (
    CANCELLING,
    BatchStatus,
    cancelling_order,
    deleting_name,
    deleting_order,
    execution_name,
    failure_of,
    is_deleting,
    order,
    run_of,
)
from darkroom.batches.store import BatchStore
from darkroom.runtime.clock import timestamp
from darkroom.runtime.logging import logger
from darkroom.tasks.model import ACTIVE_SHARDS
from darkroom.tasks.store import Item

BATCHES_PER_SHARD = 10


@dataclass(frozen=True)
class BatchReconciler:
    """Repairs batches. Each method counts its repairs by kind."""

    store: BatchStore
    machine: StateMachine

    def execution_ended(self, detail: Mapping[str, Any]) -> Counter[str]:
        """Repair the batch of an execution that was unsuccessful.

        Args:
            detail: of an event "Step Functions Execution Status Change".
        """
        try:
            batch_id, run = run_of(detail["name"])
        except ValueError:
            return Counter()  # a cancelling execution, which `sweep` checks, or one started by hand
        batch = self.store.get(batch_id)
        if batch is None or batch["run"] != run or "active" not in batch:
            return Counter()
        return self._repair(batch)

    def sweep(self, older_than: datetime.timedelta) -> Counter[str]:
        """Repair batches that are not settled and were not checked for a while."""
        before = timestamp(datetime.datetime.now(datetime.UTC) - older_than)
        repaired: Counter[str] = Counter()
        for shard in range(ACTIVE_SHARDS):
            for batch in self.store.unsettled(str(shard), before, BATCHES_PER_SHARD):
                try:
                    repaired += self._repair(batch)
                    self.store.touch(batch)  # the next sweep checks other batches first
                except (BotoCoreError, ClientError) as error:
                    logger.warning(
                        "not repaired", correlation_id=batch["batchId"], reason=str(error)
                    )
                    repaired["Unrepaired"] += 1
        return repaired

    def _repair(self, batch: Item) -> Counter[str]:
        if is_deleting(batch):
            return self._delete(batch)
        if batch["status"] != BatchStatus.RUNNING:
            return self._settle(batch)
        name = execution_name(batch["batchId"], batch["run"])
        outcome = self.machine.outcome(self.machine.arn_of(name))
        if outcome is None:
            self.machine.start(name, order(batch))
            logger.warning("started", correlation_id=batch["batchId"])
            return Counter({"BatchStarted": 1})
        if outcome.status == "RUNNING":
            return Counter()
        failed = self.store.end("fail", batch, failure_of(outcome))
        if failed is None:
            return Counter()  # the run has ended in the meantime
        logger.warning("ended", correlation_id=batch["batchId"], failure=failed["failure"])
        return Counter({"BatchEnded": 1}) + self._settle(failed)

    def _delete(self, batch: Item) -> Counter[str]:
        """Ensure that an execution deletes a batch. If one has ended too early, start another."""
        outcome = self.machine.outcome(self.machine.arn_of(deleting_name(batch)))
        if outcome and outcome.status == "RUNNING":
            return Counter()
        current = self.store.repeat_deletion(batch) if outcome else batch
        if current is None:
            return Counter()  # the batch is gone
        self.machine.start(deleting_name(current), deleting_order(current))
        logger.warning("deletion started", correlation_id=batch["batchId"])
        return Counter({"BatchDeleting": 1})

    def _settle(self, batch: Item) -> Counter[str]:
        """Ensure that the open tasks of a FAILED or CANCELLED batch are cancelled."""
        run = execution_name(batch["batchId"], batch["run"])
        name = execution_name(batch["batchId"], batch["run"], CANCELLING)
        outcomes = [self.machine.outcome(self.machine.arn_of(each)) for each in (run, name)]
        if any(outcome and outcome.status == "RUNNING" for outcome in outcomes):
            return Counter()
        if outcomes[1] is None:
            self.machine.start(name, cancelling_order(batch))
            return Counter({"BatchCancelling": 1})
        self.store.settle(batch)
        logger.warning("settled", correlation_id=batch["batchId"])
        return Counter({"BatchSettled": 1})
