/**
 * A program with openapi-fetch and the types that openapi-typescript generates, here as `types.ts`.
 *
 * `tests/integration/callers/test_generated_clients.py` compiles it with `tsc --strict` and runs it.
 * For its environment see `setting`.
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./types.js";

type Task = components["schemas"]["Task"];
type Batch = components["schemas"]["Batch"];

const SECONDS = 60;

/** `API_URL`, `API_KEY`, `SOURCE_URL` (an image) or `HELD_URL` (a source that never answers). */
function setting(name: string): string {
  const value = process.env[name];
  assert(value, name);
  return value;
}

const api = createClient<paths>({
  baseUrl: setting("API_URL"),
  headers: { "x-api-key": setting("API_KEY") },
});

/** Polls until something has ended, at the pace that `Retry-After` asks for. */
async function wait<T extends { status: string }>(
  read: () => Promise<{ data?: T; response: Response }>,
): Promise<T> {
  const deadline = Date.now() + SECONDS * 1000;
  while (Date.now() < deadline) {
    const { data, response } = await read();
    assert(data, String(response.status));
    if (data.status !== "PENDING" && data.status !== "RUNNING") return data;
    await sleep(Number(response.headers.get("Retry-After")) * 1000);
  }
  throw new Error("It has not ended in time.");
}

function ended(taskId: string): Promise<Task> {
  return wait(() => api.GET("/tasks/{taskId}", { params: { path: { taskId } } }));
}

function batchEnded(batchId: string): Promise<Batch> {
  return wait(() => api.GET("/batches/{batchId}", { params: { path: { batchId } } }));
}

/** Sends a file to S3 with a form of the API; returns the id of the upload. */
async function upload(data: BlobPart, contentType: string): Promise<string> {
  const { data: form } = await api.POST("/uploads", { body: { contentType } });
  assert(form);
  const fields = new FormData();
  for (const [name, value] of Object.entries(form.fields)) fields.set(name, value);
  fields.set("file", new Blob([data]));
  const sent = await fetch(form.url, { method: "POST", body: fields });
  assert(sent.ok, String(sent.status));
  return form.uploadId;
}

async function submitAndWait(imageUrl: string): Promise<Task> {
  const { data: task } = await api.POST("/tasks", {
    body: { imageUrl, name: "one", output: { format: "webp" } },
    params: { header: { "Idempotency-Key": randomUUID() } },
  });
  assert(task);
  const done = await ended(task.taskId);
  assert.equal(done.status, "COMPLETED");
  assert(done.result);
  assert.equal(done.result.contentType, "image/webp");
  assert.equal(done.output.quality, 90);
  assert.equal(done.batchId, null);
  assert("imageUrl" in done.source);
  const file = await (await fetch(done.result.url)).arrayBuffer();
  assert.equal(file.byteLength, done.result.bytes);
  return done;
}

async function listAndFind(task: Task): Promise<void> {
  let cursor: string | null | undefined;
  let found = false;
  do {
    const query = { limit: 100, ...(cursor ? { cursor } : {}) };
    const { data: page } = await api.GET("/tasks", { params: { query } });
    assert(page);
    found ||= page.tasks.some((one) => one.taskId === task.taskId);
    cursor = page.cursor;
  } while (cursor);
  assert(found);
}

async function submitUpload(data: BlobPart): Promise<void> {
  const uploadId = await upload(data, "image/png");
  const { data: task } = await api.POST("/tasks", { body: { uploadId } });
  assert(task);
  assert.equal((await ended(task.taskId)).status, "COMPLETED");
}

async function submitBatch(imageUrl: string, data: BlobPart): Promise<Batch> {
  const uploadId = await upload(data, "image/png");
  const { data: batch } = await api.POST("/batches", {
    body: { sources: [{ imageUrl }, { uploadId, name: "second" }], toleratedFailurePercentage: 5 },
  });
  assert(batch);
  const done = await batchEnded(batch.batchId);
  assert.equal(done.status, "COMPLETED");
  assert.equal(done.counts.COMPLETED, 2);
  const path = { batchId: batch.batchId };
  const { data: tasks } = await api.GET("/batches/{batchId}/tasks", { params: { path } });
  assert.deepEqual(tasks?.tasks.map((one) => one.batchId), [batch.batchId, batch.batchId]);
  const query = { status: "COMPLETED" as const };
  const { data: listed } = await api.GET("/batches", { params: { query } });
  assert(listed?.batches.some((one) => one.batchId === batch.batchId));
  return done;
}

async function cancel(imageUrl: string): Promise<void> {
  const { data: task } = await api.POST("/tasks", { body: { imageUrl } });
  assert(task);
  const path = { taskId: task.taskId };
  const { data: cancelled } = await api.POST("/tasks/{taskId}/cancel", { params: { path } });
  assert.equal(cancelled?.status, "CANCELLED");
  const { error } = await api.POST("/tasks/{taskId}/cancel", { params: { path } });
  assert.equal(error?.error.code, "NotCancellable");
  const { data: batch } = await api.POST("/batches", { body: { sources: [{ imageUrl }] } });
  assert(batch);
  const { data: over } = await api.POST("/batches/{batchId}/cancel", {
    params: { path: { batchId: batch.batchId } },
  });
  assert.equal(over?.status, "CANCELLED");
}

/** Deletes a task: from then on it is not found, and the link to its result does not work. */
async function deleteTask(task: Task): Promise<void> {
  const params = { path: { taskId: task.taskId } };
  const { response: deleted } = await api.DELETE("/tasks/{taskId}", { params });
  assert.equal(deleted.status, 204);
  const { error } = await api.DELETE("/tasks/{taskId}", { params });
  assert.equal(error?.error.code, "TaskNotFound");
  const { response: shown } = await api.GET("/tasks/{taskId}", { params });
  assert.equal(shown.status, 404);
  const { data: page } = await api.GET("/tasks", { params: { query: { name: "one" } } });
  assert(page?.tasks.every((one) => one.taskId !== task.taskId));
  assert(task.result);
  assert(!(await fetch(task.result.url)).ok);
}

/** Deletes a batch, and waits until it is gone with its tasks. */
async function deleteBatch({ batchId }: Batch): Promise<void> {
  const params = { path: { batchId } };
  const { data: tasks } = await api.GET("/batches/{batchId}/tasks", { params });
  assert(tasks);
  const { data: accepted } = await api.DELETE("/batches/{batchId}", { params });
  assert(accepted?.deletionRequestedAt);
  const deadline = Date.now() + SECONDS * 1000;
  let shown = await api.GET("/batches/{batchId}", { params });
  while (shown.data && Date.now() < deadline) {
    await sleep(Number(shown.response.headers.get("Retry-After")) * 1000);
    shown = await api.GET("/batches/{batchId}", { params });
  }
  assert.equal(shown.error?.error.code, "BatchNotFound");
  for (const { taskId } of tasks.tasks) {
    const path = { taskId };
    const { response } = await api.GET("/tasks/{taskId}", { params: { path } });
    assert.equal(response.status, 404);
  }
}

async function main(): Promise<void> {
  const image = setting("SOURCE_URL");
  const picture = await (await fetch(image)).arrayBuffer();
  const task = await submitAndWait(image);
  await listAndFind(task);
  await submitUpload(picture);
  const batch = await submitBatch(image, picture);
  await cancel(setting("HELD_URL"));
  await deleteTask(task);
  await deleteBatch(batch);
  console.log("done");
}

void main();
