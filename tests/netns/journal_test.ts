import { strict as assert } from "node:assert";

const WRITER = new URL("../support/journal_writer.ts", import.meta.url).pathname;

/**
 * A journal of its own in a mount namespace of its own. The writer's stderr is what a service's is;
 * all that the journal holds in the end comes out as JSON, a line an entry.
 */
const SCRIPT = `
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs none /run
mount -t tmpfs none /var/log
/lib/systemd/systemd-journald &
journald=$!
trap 'kill -KILL $journald' EXIT
for ((i = 0; i < 100; i++)); do
	[[ -S /run/systemd/journal/stdout && -S /run/systemd/journal/socket ]] && break
	sleep 0.05
done
# shellcheck disable=SC2016
systemd-cat --identifier=stream bash -c '
	JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@" >&3' bash "$@" "$journald" 3>/run/took
journalctl --sync
printf '{"TOOK_MS":"%s"}\\n' "$(</run/took)"
journalctl --directory /run/log/journal --all --output json _TRANSPORT=journal + _TRANSPORT=stdout
`;

type Entry = Readonly<Record<string, unknown>>;

async function readJournal(): Promise<readonly Entry[]> {
  const writer = [Deno.execPath(), "run", "--quiet", "--allow-all", WRITER];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "bash", "-c", SCRIPT, "bash", ...writer],
  }).output();
  const said = new TextDecoder().decode(stderr);
  assert(success, said);
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("systemd's journal finds what is logged by its fields, and a journal that stands still stalls nobody", async () => {
  const [took, ...entries] = await readJournal();
  const of = (call: string): readonly Entry[] =>
    entries.filter((entry) => entry["CALL_ID"] === call);

  const story = of("1a@phone");
  assert.deepEqual(
    story.map((entry) => [entry["MESSAGE"], entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]]),
    [
      ["Session opened call=1a@phone instance=default", "7", "lrkproxy"],
      ["Session ended call=1a@phone instance=default callerPackets=7", "6", "lrkproxy"],
    ],
  );
  assert.deepEqual(story.map((entry) => entry["CALLER_PACKETS"]), [undefined, "7"]);
  assert.deepEqual(story.map((entry) => entry["_TRANSPORT"]), ["journal", "journal"]);

  const [evil] = entries.filter((entry) => String(entry["MESSAGE"]).startsWith("Call refused"));
  assert.equal(evil?.["PRIORITY"], "4");
  assert.equal(evil?.["INSTANCE"], "default", "nothing from the network makes a field");
  assert.equal(evil?.["CALL_ID"], "evil\nPRIORITY=0\nINSTANCE=forged");

  const [large] = entries.filter((entry) => String(entry["MESSAGE"]).startsWith("Too large"));
  assert.deepEqual([large?.["_TRANSPORT"], large?.["PRIORITY"]], ["stdout", "3"]);

  const tookMs = Number(took?.["TOOK_MS"]);
  const kept = of("flood@phone").length;
  const lost = entries.reduce((sum, entry) => sum + Number(entry["LOST"] ?? 0), 0);
  console.log(
    `20000 lines to a journal that stood still: ${tookMs} ms, ${kept} kept, ${lost} lost`,
  );
  assert(tookMs < 5000, `${tookMs} ms`);
  assert.equal(kept + lost, 20_000);
  assert(lost > 0 && of("later@phone").length > 0);
});
