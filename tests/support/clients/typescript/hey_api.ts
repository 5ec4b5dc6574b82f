/**
 * A program with the functions that @hey-api/openapi-ts generates, here in `functions/`.
 *
 * `tests/integration/callers/test_generated_clients.py` compiles it with `tsc --strict` and runs it.
 * For its environment see `setting`.
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { client } from "./functions/client.gen";
import {
  cancelBatch,
  cancelTask,
  createUpload,
  deleteBatch,
  deleteTask,
  listBatches,
  listBatchTasks,
  listTasks,
  retryTask,
  showBatch,
  showTask,
  submitBatch,
  submitTask,
} from "./functions/sdk.gen";
import type { Batch, Task } from "./functions/types.gen";

const SECONDS = 60;

/** `API_URL`, `API_KEY`, `SOURCE_URL` (an image) or `HELD_URL` (a source that never answers). */
function setting(name: string): string {
  const value = process.env[name];
  assert(value, name);
  return value;
}

client.setConfig({ baseUrl: setting("API_URL"), auth: setting("API_KEY") });

/** Polls until something has ended, at the pace that `Retry-After` asks for. */
async function wait<T extends { status: string }>(
  read: () => Promise<{ data?: T | undefined; response?: Response | undefined }>,
): Promise<T> {
  const deadline = Date.now() + SECONDS * 1000;
  while (Date.now() < deadline) {
    const { data, response } = await read();
    assert(data && response);
    if (data.status !== "PENDING" && data.status !== "RUNNING") return data;
    await sleep(Number(response.headers.get("Retry-After")) * 1000);
  }
  throw new Error("It has not ended in time.");
}

function ended(taskId: string): Promise<Task> {
  return wait(() => showTask({ path: { taskId } }));
}

function batchEnded(batchId: string): Promise<Batch> {
  return wait(() => showBatch({ path: { batchId } }));
}

/** Sends a file to S3 with a form of the API; returns the id of the upload. */
async function upload(data: BlobPart, contentType: string): Promise<string> {
  const { data: form } = await createUpload({ body: { contentType } });
  assert(form);
  const fields = new FormData();
  for (const [name, value] of Object.entries(form.fields)) fields.set(name, value);
  fields.set("file", new Blob([data]));
  const sent = await fetch(form.url, { method: "POST", body: fields });
  assert(sent.ok, String(sent.status));
  return form.uploadId;
}

async function submitAndWait(imageUrl: string): Promise<Task> {
  const { data: task } = await submitTask({
    body: { imageUrl, name: "one", output: { format: "webp" } },
    headers: { "Idempotency-Key": randomUUID() },
  });
  assert(task);
  const done = await ended(task.taskId);
  assert.equal(done.status, "COMPLETED");
  assert(done.result);
  const file = await (await fetch(done.result.url)).arrayBuffer();
  assert.equal(file.byteLength, done.result.bytes);
  return done;
}

async function listAndFind(task: Task): Promise<void> {
  const { data: page } = await listTasks({ query: { status: "COMPLETED", name: "one" } });
  assert(page?.tasks.some((one) => one.taskId === task.taskId));
}

async function submitUpload(data: BlobPart): Promise<void> {
  const { data: task } = await submitTask({ body: { uploadId: await upload(data, "image/png") } });
  assert(task);
  assert.equal((await ended(task.taskId)).status, "COMPLETED");
}

async function submitManifest(imageUrl: string): Promise<Batch> {
  const line = `${JSON.stringify({ imageUrl })}\n`;
  const uploadId = await upload(line, "application/x-ndjson");
  const { data: batch } = await submitBatch({ body: { manifest: { uploadId, format: "jsonl" } } });
  assert(batch);
  const { batchId } = batch;
  const done = await batchEnded(batchId);
  assert.equal(done.status, "COMPLETED");
  assert.equal(done.total, 1);
  const { data: tasks } = await listBatchTasks({ path: { batchId }, query: { limit: 100 } });
  assert.deepEqual(tasks?.tasks.map((one) => one.batchId), [batchId]);
  const { data: listed } = await listBatches({ query: { status: "COMPLETED" } });
  assert(listed?.batches.some((one) => one.batchId === batchId));
  return done;
}

async function cancel(imageUrl: string): Promise<void> {
  const { data: task } = await submitTask({ body: { imageUrl } });
  assert(task);
  const path = { taskId: task.taskId };
  const { data: cancelled } = await cancelTask({ path });
  assert.equal(cancelled?.status, "CANCELLED");
  const { error } = await cancelTask({ path });
  assert.equal(error?.error.code, "NotCancellable");
  const { data: retried } = await retryTask({ path, body: { attempt: 1 } });
  assert.equal(retried?.attempt, 2);
  await cancelTask({ path });
  const { data: batch } = await submitBatch({ body: { sources: [{ imageUrl }] } });
  assert(batch);
  const { data: over } = await cancelBatch({ path: { batchId: batch.batchId } });
  assert.equal(over?.status, "CANCELLED");
}

/** Deletes a task: from then on it is not found, and the link to its result does not work. */
async function deleteOne(task: Task): Promise<void> {
  const path = { taskId: task.taskId };
  const { response: deleted } = await deleteTask({ path });
  assert.equal(deleted?.status, 204);
  const { error } = await deleteTask({ path });
  assert.equal(error?.error.code, "TaskNotFound");
  const { response: shown } = await showTask({ path });
  assert.equal(shown?.status, 404);
  const { data: page } = await listTasks({ query: { name: "one" } });
  assert(page && page.tasks.every((one) => one.taskId !== task.taskId));
  assert(task.result);
  assert(!(await fetch(task.result.url)).ok);
}

/** Deletes a batch, and waits until it is gone with its tasks. */
async function deleteWithTasks({ batchId }: Batch): Promise<void> {
  const path = { batchId };
  const { data: tasks } = await listBatchTasks({ path });
  assert(tasks);
  const { data: accepted } = await deleteBatch({ path });
  assert(accepted?.deletionRequestedAt);
  const deadline = Date.now() + SECONDS * 1000;
  let shown = await showBatch({ path });
  while (shown.data && Date.now() < deadline) {
    assert(shown.response);
    await sleep(Number(shown.response.headers.get("Retry-After")) * 1000);
    shown = await showBatch({ path });
  }
  assert.equal(shown.error?.error.code, "BatchNotFound");
  for (const { taskId } of tasks.tasks) {
    const { response } = await showTask({ path: { taskId } });
    assert.equal(response?.status, 404);
  }
}

async function main(): Promise<void> {
  const image = setting("SOURCE_URL");
  const picture = await (await fetch(image)).arrayBuffer();
  const task = await submitAndWait(image);
  await listAndFind(task);
  await submitUpload(picture);
  const batch = await submitManifest(image);
  await cancel(setting("HELD_URL"));
  await deleteOne(task);
  await deleteWithTasks(batch);
  console.log("done");
}

void main();
