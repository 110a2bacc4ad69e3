import assert from "node:assert/strict";
import { DEFAULT_CONFIG, withConfig } from "./commands.ts";

Deno.test("withConfig() names the file where it is not the usual one", () => {
  const cases = [
    ["lrkproxy reload", "lrkproxy reload --config /x.ini"],
    [
      "then lrkproxy reload, and restart Kamailio",
      "then lrkproxy reload --config /x.ini, and restart Kamailio",
    ],
    ["lrkproxy stop --drop   # when", "lrkproxy stop --drop --config /x.ini   # when"],
    ["sudo lrkproxy doctor --fix   # adds", "sudo lrkproxy doctor --config /x.ini --fix   # adds"],
    ["sudo lrkproxy show CALL-ID   # why", "sudo lrkproxy show CALL-ID --config /x.ini   # why"],
    ["lrkproxy doctor --config /y.ini", "lrkproxy doctor --config /y.ini"],
    ["systemctl restart lrkproxy", "systemctl restart lrkproxy"],
    ["journalctl -u lrkproxy -p warning", "journalctl -u lrkproxy -p warning"],
    ["modprobe lrkproxy", "modprobe lrkproxy"],
  ] as const;
  for (const [line, expected] of cases) {
    assert.equal(withConfig(line, "/x.ini"), expected);
    assert.equal(withConfig(line, DEFAULT_CONFIG), line);
  }
  assert.equal(
    withConfig("lrkproxy run", "/a b/it's.ini"),
    "lrkproxy run --config '/a b/it'\\''s.ini'",
  );
});
