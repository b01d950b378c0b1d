// Vapi's own TypeScript SDK against a gateway: BASE_URL and KEY say where, standard input holds
// what is to be written. Any answer that is not what was written ends it with an error.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { VapiClient } from "@vapi-ai/server-sdk";

const client = new VapiClient({ token: process.env.KEY, baseUrl: process.env.BASE_URL });
const resources = ["assistants", "calls", "tools", "phoneNumbers"];
// Not here, and answered with 501 or 404.
const absent = new Set([
  "assistantControllerValidateBackgroundSoundUrl",
  "callArtifactControllerVideoRecordingDownload",
]);
const left = new Set();

// Notes which methods of the SDK are called: whatever it has is walked.
function walked(name) {
  const resource = client[name];
  for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(resource))) {
    if (method !== "constructor" && !/^_/.test(method) && !absent.has(method)) left.add(`${name}.${method}`);
  }
  return new Proxy(resource, {
    get(target, method) {
      left.delete(`${name}.${String(method)}`);
      const value = target[method];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
const [assistants, calls, toolbox, phoneNumbers] = resources.map(walked);
const { ended, assistant, tools, numbers, call } = JSON.parse(readFileSync(0, "utf8"));

function holds(read, written) {
  for (const [name, part] of Object.entries(written)) {
    assert.deepEqual(JSON.parse(JSON.stringify(read[name])), part, name);
  }
}

async function walk(resource, written, changed) {
  const made = await resource.create(written);
  holds(made, written);
  holds(await resource.get({ id: made.id }), written);
  assert.ok((await resource.list({ limit: 5 })).some((one) => one.id === made.id));
  const after = await resource.update({ id: made.id, ...changed(made) });
  assert.equal(after.id, made.id);
  assert.equal((await resource.delete({ id: made.id })).id, made.id);
  await assert.rejects(resource.get({ id: made.id }), (error) => error.statusCode === 404);
}

await walk(assistants, assistant, () => ({ name: "New" }));
for (const tool of tools) await walk(toolbox, tool, () => ({ body: { type: tool.type } }));
for (const number of numbers) {
  await walk(phoneNumbers, number, () => ({ body: { provider: number.provider, name: "N" } }));
}
const page = await phoneNumbers.phoneNumberControllerFindAllPaginated({ page: 1, limit: 5 });
assert.deepEqual(page.results, []);

const placed = await calls.create(call);
assert.equal(placed.status, "queued");
assert.equal((await calls.get({ id: placed.id })).customer.sipUri, call.customer.sipUri);
assert.ok((await calls.list({ limit: 5 })).some((one) => one.id === placed.id));
assert.equal((await calls.update({ id: placed.id, name: "Renamed" })).name, "Renamed");
for (const name of [...left].filter((one) => one.endsWith("Download"))) {
  await calls[name.split(".")[1]]({ id: ended });
}
assert.equal((await calls.delete({ id: placed.id })).id, placed.id);
await assert.rejects(assistants.create({ name: "x".repeat(41) }), (error) => {
  return error.statusCode === 400 && error.body.message[0].startsWith("name must be shorter");
});
assert.deepEqual([...left], []);
console.log("walked");
