import assert from "node:assert/strict";
import { Folder, namesIn, told } from "./packed.ts";

const MEMORY = /^\/memfd:lrkproxy/;

/** A user who is neither root nor anybody. */
const SOMEBODY = 12345;
const AS_SOMEBODY = ["setpriv", `--reuid=${SOMEBODY}`, `--regid=${SOMEBODY}`, "--clear-groups"];

/** Where the runtime lay that answered. */
function exeOf(out: string): string {
  const [exe] = told(out, "exe");
  if (exe === undefined) throw new Error(`The runtime was not started: ${out}`);
  return exe;
}

Deno.test("the first start unpacks into the first folder of CACHE_DIRECTORY, the second changes nothing", async () => {
  using folder = await Folder.fake();
  const env = { CACHE_DIRECTORY: `${folder.cache}:/nonexistent` };
  const first = await folder.run([], { env });
  assert.equal(exeOf(first.out), `${folder.entry()}/lrkproxy`);
  const unpacked = await Deno.stat(exeOf(first.out));
  await folder.run([], { env });
  const later = await Deno.stat(exeOf(first.out));
  assert.deepEqual([later.ino, later.ctime], [unpacked.ino, unpacked.ctime]);
});

Deno.test("the cache is looked for in CACHE_DIRECTORY, /var/cache, XDG_CACHE_HOME, HOME, then memory", async () => {
  using folder = await Folder.fake();
  const xdg = `${folder.path}/xdg`;
  const home = `${folder.path}/home`;
  for (const path of [xdg, home]) await Deno.mkdir(path);
  const own = "mount -t tmpfs -o mode=755 tmpfs /var/cache";
  const none = `${own}; mount -o remount,ro /var/cache`;
  const cases: [string, Record<string, string>, RegExp][] = [
    [own, { CACHE_DIRECTORY: folder.cache, XDG_CACHE_HOME: xdg, HOME: home }, /\/cache\/runtime-/],
    [own, { CACHE_DIRECTORY: "", XDG_CACHE_HOME: xdg, HOME: home }, /^\/var\/cache\/lrkproxy\//],
    [none, { CACHE_DIRECTORY: "", XDG_CACHE_HOME: xdg, HOME: home }, /\/xdg\/lrkproxy\/runtime-/],
    [none, { CACHE_DIRECTORY: "", HOME: home }, /\/home\/\.cache\/lrkproxy\/runtime-/],
    [none, { CACHE_DIRECTORY: "relative", HOME: "" }, MEMORY],
    [none, { CACHE_DIRECTORY: `${folder.path}/none/there` }, MEMORY],
  ];
  for (const [mounts, env, expected] of cases) {
    const { code, out } = await folder.run(["7"], { mounts, env });
    assert.equal(code, 7);
    assert.match(exeOf(out), expected);
  }
});

/** Damage to a runtime that was unpacked. */
const DAMAGE: Readonly<Record<string, (path: string) => void>> = {
  "is cut short": (path) => Deno.truncateSync(path, 1000),
  "is empty": (path) => Deno.truncateSync(path, 0),
  "has other bytes, the old size and the old time": (path) => {
    const { mtime } = Deno.statSync(path);
    const bytes = Deno.readFileSync(path).fill(0x90, 4096, 8192);
    const file = Deno.openSync(path, { write: true });
    file.writeSync(bytes);
    file.close();
    Deno.utimeSync(path, mtime ?? 0, mtime ?? 0);
  },
  "is another program": (path) => {
    Deno.writeTextFileSync(`${path}.other`, "#!/bin/sh\necho planted\n");
    Deno.chmodSync(`${path}.other`, 0o755);
    Deno.renameSync(`${path}.other`, path);
  },
  "is a link to another program": (path) => {
    Deno.removeSync(path);
    Deno.symlinkSync("/bin/true", path);
  },
  "may be written by others": (path) => Deno.chmodSync(path, 0o777),
  "is gone": (path) => Deno.removeSync(path),
  "has no seal": (path) => Deno.removeSync(path.replace(/[^/]*$/, "seal")),
  "has an empty seal": (path) => Deno.truncateSync(path.replace(/[^/]*$/, "seal")),
  "was left half unpacked": (path) => Deno.renameSync(path, `${path}.new`),
};

for (const [name, damage] of Object.entries(DAMAGE)) {
  Deno.test(`a cached runtime that ${name} is put right`, async () => {
    using folder = await Folder.fake();
    const { out } = await folder.run([]);
    const path = exeOf(out);
    const whole = await Deno.readFile(path);
    damage(path);
    const { code, out: again } = await folder.run(["7"]);
    assert.deepEqual([code, exeOf(again)], [7, path]);
    assert.deepEqual(await Deno.readFile(path), whole);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o7777, 0o755);
    assert.deepEqual(namesIn(folder.entry()), [
      "lrkproxy",
      "seal",
    ]);
  });
}

/** Ways in which another user could have got at the cache; the first start of root had filled it. */
const OPEN: Readonly<Record<string, (folder: Folder) => void>> = {
  "folder belongs to another user": ({ cache }) => Deno.chownSync(cache, SOMEBODY, SOMEBODY),
  "folder may be written by its group": ({ cache }) => Deno.chmodSync(cache, 0o775),
  "folder may be written by all": ({ cache }) => Deno.chmodSync(cache, 0o777),
  "folder is sticky and may be written by all": ({ cache }) => Deno.chmodSync(cache, 0o1777),
  "parent belongs to another user": ({ path }) => Deno.chownSync(path, SOMEBODY, SOMEBODY),
  "parent may be written by all": ({ path }) => Deno.chmodSync(path, 0o777),
  "entry belongs to another user": (folder) => Deno.chownSync(folder.entry(), SOMEBODY, SOMEBODY),
};

for (const [name, open] of Object.entries(OPEN)) {
  Deno.test(`nothing is run from a cache whose ${name}`, async () => {
    using folder = await Folder.fake();
    await folder.run([]);
    open(folder);
    const mounts = "mount -t tmpfs -o ro tmpfs /var/cache";
    const { code, out } = await folder.run(["7"], { mounts });
    assert.equal(code, 7);
    assert.match(exeOf(out), MEMORY);
  });
}

Deno.test("a runtime that another user has put there is unpacked anew", async () => {
  using folder = await Folder.fake();
  const { out } = await folder.run([]);
  const [whole, { ino }] = [await Deno.readFile(exeOf(out)), await Deno.stat(exeOf(out))];
  await Deno.chown(exeOf(out), SOMEBODY, SOMEBODY);
  await folder.run([]);
  assert.notEqual((await Deno.stat(exeOf(out))).ino, ino);
  assert.equal((await Deno.stat(exeOf(out))).uid, 0);
  assert.deepEqual(await Deno.readFile(exeOf(out)), whole);
});

Deno.test("an ordinary user runs what root has unpacked, and changes nothing", async () => {
  using folder = await Folder.fake();
  const { out } = await folder.run([]);
  const { ctime } = await Deno.stat(exeOf(out));
  const theirs = await folder.run(["7"], { through: AS_SOMEBODY });
  assert.deepEqual([theirs.code, exeOf(theirs.out)], [7, exeOf(out)]);
  assert.deepEqual((await Deno.stat(exeOf(out))).ctime, ctime);
});

Deno.test("a cache that is read-only is used as it is; one that is not whole is not", async () => {
  using folder = await Folder.fake();
  const mounts = `mount -t tmpfs -o ro tmpfs /var/cache
    mount --bind ${folder.cache} ${folder.cache}; mount -o remount,bind,ro ${folder.cache}`;
  const { out } = await folder.run([]);
  assert.equal(exeOf((await folder.run([], { mounts })).out), exeOf(out));
  await Deno.truncate(exeOf(out), 1000);
  assert.match(exeOf((await folder.run([], { mounts })).out), MEMORY);
});

Deno.test("where nothing may be executed, or no room is left, the runtime stays in memory", async () => {
  for (const options of ["noexec", "size=64k"]) {
    using folder = await Folder.fake();
    const left = `${folder.path}/left`;
    const mounts = `mount -t tmpfs -o ro tmpfs /var/cache
      mount -t tmpfs -o mode=755,${options} tmpfs ${folder.cache}`;
    const list = `"$@"; find ${folder.cache} -type f -size +0 >${left}`;
    const { out } = await folder.run([], { mounts, through: ["sh", "-c", list, "sh"] });
    assert.match(exeOf(out), MEMORY);
    assert.equal(await Deno.readTextFile(left), "", "nothing half unpacked is left");
  }
});

Deno.test("eight first starts at once all run, and unpack once", async () => {
  using folder = await Folder.fake();
  const runs = await Promise.all(Array.from({ length: 8 }, () => folder.run(["7"])));
  assert.deepEqual(runs.map(({ code, error }) => [code, error]), Array(8).fill([7, ""]));
  assert.deepEqual(
    new Set(runs.map(({ out }) => exeOf(out))),
    new Set([`${folder.entry()}/lrkproxy`]),
  );
});

Deno.test("who holds the lock for ever stops nobody", async () => {
  using folder = await Folder.fake();
  const mounts = "mount -t tmpfs -o ro tmpfs /var/cache";
  const through = ["flock", `${folder.cache}/lock`];
  const { code, out } = await folder.run(["7"], { mounts, through });
  assert.equal(code, 7);
  assert.match(exeOf(out), MEMORY);
});

Deno.test("another version replaces the runtime in the cache", async () => {
  using older = await Folder.fake({ note: "older" });
  using newer = await Folder.fake({ note: "newer" });
  const env = { CACHE_DIRECTORY: newer.cache };
  const before = exeOf((await older.run([], { env })).out);
  const after = exeOf((await newer.run([], { env })).out);
  assert.notEqual(after, before);
  assert.equal(after, `${newer.entry()}/lrkproxy`, "the older one is gone");
});
